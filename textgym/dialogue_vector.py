"""Many dialogues at once, in arrays: equal to single environments step by step; one call of the simulator a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from gymnasium.vector import AutoresetMode

from textgym.arguments import token_ids
from textgym.core import BoolArray, FloatArray, IntArray
from textgym.dialogue_episodes import DialogueEpisodes
from textgym.dialogue_lanes import Columns, DialogueLanes
from textgym.episodes import Start
from textgym.errors import ConfigError
from textgym.responses import start_infos
from textgym.vector import Infos, Observations, TextGenerationVectorEnv


class DialogueVectorEnv(TextGenerationVectorEnv):
    """``num_envs`` lanes of :class:`textgym.dialogue.DialogueEnv`; lane i with seed s is that environment with s + i.

    Everything is as in :class:`textgym.vector.TextGenerationVectorEnv`, but that dialogues are stepped: there is no
    ``begin``, ``score`` or ``demonstrations``.
    """

    whole_responses = False
    episodes_class = DialogueEpisodes
    lanes_class = DialogueLanes
    episodes: DialogueEpisodes
    _lanes: DialogueLanes

    def _start(self, lanes: IntArray, starts: Sequence[Start] | None = None) -> Infos:
        starts = self._lanes.draw(lanes) if starts is None else starts
        opened = self.episodes.open(starts, [self._lanes.generators[lane] for lane in lanes.tolist()])
        self._lanes.start(lanes, opened)
        return self._lanes.info(lanes, start_infos(opened))

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

    def begin(self, n: int, responses_per_prompt: int = 1) -> NoReturn:
        """Refuse: what the user answers is not known before the agent has spoken."""
        raise _stepped("begin")

    def score(self, responses: IntArray, lengths: IntArray) -> NoReturn:
        """Refuse: see :meth:`begin`."""
        raise _stepped("score")

    def demonstrations(self, indices: int | Sequence[int] | IntArray, rng: np.random.Generator) -> NoReturn:
        """Refuse: see :meth:`begin`."""
        raise _stepped("demonstrations")


def _stepped(method: str) -> ConfigError:
    return ConfigError(
        f"A dialogue has no {method}(): what the user answers is not known before the agent has spoken. Step it."
    )
