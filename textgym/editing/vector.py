"""Many editing episodes at once, in arrays: equal to single environments step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from textgym.core import BoolArray, FloatArray, IntArray
from textgym.editing.episodes import EditEpisodes
from textgym.editing.lanes import EditLanes
from textgym.editing.oracle import EditDemonstrations, demonstrate
from textgym.editing.space import STOP
from textgym.episodes import Start
from textgym.errors import ConfigError
from textgym.vector import Infos, Observations, TextGenerationVectorEnv


class EditVectorEnv(TextGenerationVectorEnv):
    """``num_envs`` lanes of :class:`textgym.editing.env.EditEnv`; lane i with seed s is that environment with s + i.

    Observations are int32 [num_envs, P + N + 1], actions whole numbers [num_envs, 3], or flat [num_envs]. A step calls
    the reward once, for all lanes whose draft changed; so does the start of episodes. There are no whole responses to
    hand in: ``begin`` and ``score`` are for environments that write token by token.

    Args:
        task: As for the single environment, like all arguments that are not listed here.
        num_envs: How many lanes.
        autoreset_mode: "NextStep", "SameStep" or "Disabled" (Gymnasium's ``AutoresetMode``).
        render_mode: As for the single environment.
        arguments: As for the single environment.
    """

    whole_responses = False
    episodes_class = EditEpisodes
    lanes_class = EditLanes
    episodes: EditEpisodes
    _lanes: EditLanes

    def __init__(self, task: Any, **arguments: Any) -> None:
        super().__init__(task, **arguments)
        self.single_action_space = self.episodes.actions.space
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _start(self, lanes: IntArray, starts: list[Start] | None = None) -> Infos:
        infos = super()._start(lanes, starts)
        drafts = np.array(self._lanes.open(lanes), dtype=object)
        return infos | self._lanes.info(lanes, {"draft": drafts})

    def step(self, actions: IntArray) -> tuple[Observations, FloatArray, BoolArray, BoolArray, Infos]:
        """Make an edit in each lane that plays, and start new episodes as ``autoreset_mode`` says.

        Returns:
            Observations int32 [num_envs, P + N + 1]; rewards float64, terminated and truncated bool [num_envs]; infos.

        Raises:
            InvalidAction: The action of a lane that plays is not in the action space.
            ResetNeeded: There was no reset; or, in mode Disabled, an ended lane was not reset.
        """
        self._refuse_unless_ready()
        waiting, state = self._waiting(), self._lanes
        lanes = np.flatnonzero(~state.ended) if len(waiting) else state.all
        edits = self.episodes.actions.read(actions, lanes, self.num_envs)
        legal = state.is_legal(lanes, edits)
        stops = legal & (edits.kinds == STOP)
        ends = state.advance(lanes, stops)
        rewards = np.zeros(self.num_envs)
        if (changing := legal & ~stops).any():
            rewards[lanes[changing]] = state.edit(lanes[changing], edits.rows(changing)) - self.episodes.edit_cost
        rewards[lanes[~legal]] -= self.episodes.invalid_action_penalty
        state.returns += rewards
        terminated, truncated = np.zeros((2, self.num_envs), dtype=bool)
        terminated[lanes] = stops | (ends & (self.episodes.on_length == "terminate"))
        truncated[lanes] = ends & ~terminated[lanes]
        self._show(lanes[ends])
        infos: Infos = {}
        if ends.any():
            infos |= self._end(lanes[ends], state.outcome(lanes[ends], stops[ends]), lanes[ends & ~legal])
        if len(waiting):
            infos |= self._start(waiting)
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        infos |= self._invalid(lanes[~legal & ~ends] if same_step else lanes[~legal])
        return self.observations(), rewards, terminated, truncated, infos

    def action_masks(self) -> BoolArray:
        """Return which actions are legal, bool [num_envs, 4 + N + V] for each number apart, or flat [num_envs, n]."""
        return self.episodes.actions.masks(self._lanes.observations)

    def begin(self, n: int, responses_per_prompt: int = 1) -> NoReturn:
        """Refuse: what an edit is worth depends on the draft."""
        raise ConfigError("A draft is edited step by step: begin() is for environments that write token by token.")

    def score(self, responses: IntArray, lengths: IntArray) -> NoReturn:
        """Refuse, as :meth:`begin` does."""
        raise ConfigError("A draft is edited step by step: score() is for environments that write token by token.")

    def demonstrations(  # type: ignore[override]
        self, indices: int | Sequence[int] | IntArray, rng: np.random.Generator
    ) -> EditDemonstrations:
        """Return what a perfect editor does in whole episodes, step by step, the fewest edits to the nearest reference.

        Args:
            indices: Which samples, or how many to draw. With ``overlong="drop"``, those that do not fit are left out.
            rng: Draws the samples.
        """
        if isinstance(indices, (int, np.integer)):
            return demonstrate(self.episodes, [self.episodes.draw(rng) for _ in range(indices)])
        kept = [i for i in indices if self.episodes.overlong != "drop" or self.episodes.fits(i)]
        return demonstrate(self.episodes, [self.episodes.start(i) for i in kept])
