"""Many dialogues at once, in arrays: equal to single environments step by step; one call of the simulator a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

from textgym.arguments import token_ids, whole_number
from textgym.core import BoolArray, FloatArray, IntArray
from textgym.dialogue.demonstrations import demonstrate_dialogues
from textgym.dialogue.episodes import DialogueEpisodes, Opened
from textgym.dialogue.lanes import Columns, DialogueLanes
from textgym.episodes import Start
from textgym.errors import ConfigError
from textgym.responses import Demonstrations, start_infos
from textgym.simulators.base import fresh_seed
from textgym.vector import Infos, Observations, TextGenerationVectorEnv


class DialogueVectorEnv(TextGenerationVectorEnv):
    """``num_envs`` lanes of :class:`~textgym.dialogue.env.DialogueEnv`; lane i with seed s is that one with s + i.

    Everything is as in :class:`textgym.vector.TextGenerationVectorEnv`, but that there is no ``begin`` and ``score``:
    a learner that plays whole dialogues uses :meth:`begin_dialogues` and :meth:`end_dialogues`.
    """

    whole_responses = False
    episodes_class = DialogueEpisodes
    lanes_class = DialogueLanes
    episodes: DialogueEpisodes
    _lanes: DialogueLanes

    def _start(self, lanes: IntArray, starts: Sequence[Start] | None = None) -> Infos:
        opened = self._opened(lanes, starts)
        self._lanes.start(lanes, opened)
        return self._lanes.info(lanes, start_infos(opened))

    def _opened(self, lanes: IntArray, starts: Sequence[Start] | None = None) -> list[Opened]:
        """Return what ``lanes`` play next, by their generators; what each opens with is drawn before the sample."""
        seeds = [fresh_seed(self._lanes.generators[lane]) for lane in lanes.tolist()]
        return self.episodes.open(self._lanes.draw(lanes) if starts is None else starts, seeds)

    def step(self, actions: IntArray) -> tuple[Observations, FloatArray, BoolArray, BoolArray, Infos]:
        """Write a token in each lane that plays, and start new dialogues as ``autoreset_mode`` says.

        Returns:
            Observations int32 [num_envs, P + T]; rewards float64, terminated and truncated bool [num_envs]; infos.

        Raises:
            InvalidAction: The action of a lane that plays is not a whole number in [0, V).
            ResetNeeded: There was no reset; or, in mode Disabled, an ended lane was not reset.
        """
        self._refuse_unless_ready()
        waiting = self._waiting()
        lanes = np.flatnonzero(~self._lanes.ended) if len(waiting) else self._lanes.all
        tokens = token_ids(actions, lanes, self.num_envs, self.episodes.space.vocab_size)
        played = self._lanes.play(lanes, tokens)
        over = played.terminated | played.truncated
        self._show(np.flatnonzero(over))
        told = list(played.told)
        if played.refused.any():
            refused = lanes[played.refused]
            told.append((refused, {"invalid_action": np.ones(len(refused), dtype=bool)}))
        infos = self._told(told, over)
        if len(waiting):
            infos |= self._start(waiting)
        return self.observations(), played.rewards, played.terminated, played.truncated, infos

    def _told(self, told: list[tuple[IntArray, Columns]], over: BoolArray) -> Infos:
        """Return what lanes tell; in mode SameStep, start new dialogues in those that are over."""
        if self.autoreset_mode is not AutoresetMode.SAME_STEP or not over.any():
            return self._infos(told, np.ones_like(over))
        done = np.flatnonzero(over)
        last = np.full(self.num_envs, None)
        for lane in done:
            last[lane] = self._lanes.observations[lane].copy()
        final = {"final_obs": last, "_final_obs": over.copy(), "final_info": self._infos(told, over)}
        return self._infos(told, ~over) | final | {"_final_info": over.copy()} | self._start(done)

    def _infos(self, told: list[tuple[IntArray, Columns]], among: BoolArray) -> Infos:
        """Return in Gymnasium's layout what those lanes tell that are ``among`` these, bool [num_envs]."""
        infos: Infos = {}
        for lanes, columns in told:
            kept = among[lanes]
            if kept.any():
                infos |= self._lanes.info(lanes[kept], {name: values[kept] for name, values in columns.items()})
        return infos

    def own(self) -> BoolArray:
        """Return which columns after the prompt hold the agent's own tokens, bool [num_envs, T]."""
        return self._lanes.own.copy()

    def action_masks(self) -> BoolArray:
        """Return which ids are allowed next, bool [num_envs, V]."""
        return self.episodes.space.allowed(self._lanes.turn_lengths)

    def begin_dialogues(self, n: int, responses_per_prompt: int = 1) -> DialogueLanes:
        """Return ``n`` dialogues to play to their ends, each several times; row r * G + g begins as the r-th does.

        The first ``num_envs`` are the present ones, the others are drawn by each lane's generator in order, as stepping
        would. They are played with ``DialogueLanes.play``; :meth:`end_dialogues` must follow.

        Args:
            n: A multiple of ``num_envs``; dialogue r belongs to lane r % num_envs.
            responses_per_prompt: G, how often each is played.

        Raises:
            ResetNeeded: A lane is not at the start of its dialogue.
        """
        rounds, rest = divmod(whole_number("n", n), self.num_envs)
        if rounds < 1 or rest:
            raise ConfigError(f"n must be a multiple of num_envs={self.num_envs}, and at least that, got {n}.")
        group = whole_number("responses_per_prompt", responses_per_prompt)
        if group < 1:
            raise ConfigError(f"responses_per_prompt must be at least 1, got {group}.")
        self._refuse_unless_ready()
        if self._lanes.lengths.any():
            lanes = np.flatnonzero(self._lanes.lengths).tolist()
            raise ResetNeeded(f"Every lane must be at the start of its dialogue, lanes {lanes} are not: reset().")
        opened: list[Start] = [*self._lanes.starts]
        for _ in range(rounds - 1):
            opened += self._opened(self._lanes.all)
        self._begun = opened, group
        dialogues = DialogueLanes(self.episodes, n * group)
        dialogues.start(dialogues.all, [one for one in opened for _ in range(group)])
        return dialogues

    def end_dialogues(self) -> None:
        """Start a new dialogue in every lane; the generators are where stepping in mode SameStep would leave them."""
        if self._begun is None:
            raise ResetNeeded("end_dialogues() ends those of begin_dialogues(): call that first.")
        self._begun = None
        self._start(self._lanes.all)

    def _refuse_unless_ready(self) -> None:
        if self._begun is not None:
            raise ResetNeeded("begin_dialogues() handed out dialogues: call end_dialogues(), or reset().")
        super()._refuse_unless_ready()

    def begin(self, n: int, responses_per_prompt: int = 1) -> NoReturn:
        """Refuse: what the user answers is not known before the agent has spoken."""
        raise _stepped("begin")

    def score(self, responses: IntArray, lengths: IntArray) -> NoReturn:
        """Refuse: see :meth:`begin`."""
        raise _stepped("score")

    def demonstrations(self, indices: int | Sequence[int] | IntArray, rng: np.random.Generator) -> Demonstrations:
        """Return dialogues in which the agent says the references that the simulator gives.

        Args:
            indices: Which samples, or how many to draw. With ``overlong="drop"``, those that do not fit are left out.
            rng: Draws the samples, how they open, and the references.
        """
        if isinstance(indices, (int, np.integer)):
            starts = [self.episodes.draw(rng) for _ in range(indices)]
        else:
            kept = [i for i in indices if self.episodes.overlong != "drop" or self.episodes.fits(i)]
            starts = [self.episodes.start(i) for i in kept]
        opened = self.episodes.open(starts, [fresh_seed(rng) for _ in starts])
        return demonstrate_dialogues(self.episodes, opened, rng)


def _stepped(method: str) -> ConfigError:
    return ConfigError(
        f"A dialogue has no {method}(): what the user answers is not known before the agent has spoken. Step it."
    )
