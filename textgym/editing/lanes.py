"""The state of many editing episodes that are played side by side, in arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from textgym.arguments import set_generator_state
from textgym.core import BoolArray, FloatArray, IntArray
from textgym.editing.episodes import EditEpisodes, EditStart
from textgym.editing.snapshots import EditState, read_state
from textgym.editing.space import Edits
from textgym.episodes import Episodes, Start
from textgym.errors import ConfigError
from textgym.judging import PART
from textgym.lanes import Lanes
from textgym.rendering import View, view_of


class EditLanes(Lanes):
    """``count`` editing episodes, each with its own random generator.

    Attributes:
        observations: int32 [count, P + N + 1].
        lengths: How many tokens each draft has, int64 [count].
        potential: The scores of the drafts as they are, float64 [count].
        initial: Those of the drafts at the start, float64 [count].
        steps: How many actions were taken, int64 [count].
        edits: How many of them changed the draft, int64 [count].
        texts: The drafts as text.
    """

    episodes: EditEpisodes

    def __init__(self, episodes: Episodes, count: int) -> None:
        super().__init__(episodes, count)
        self.initial = np.zeros(count)
        self.steps = np.zeros(count, dtype=np.int64)
        self.edits = np.zeros(count, dtype=np.int64)
        self.texts = [""] * count

    def start(self, lanes: IntArray, starts: Sequence[Start]) -> None:
        """Start episodes in ``lanes``, whose drafts :meth:`open` must judge; the first time, in all."""
        super().start(lanes, starts)
        P = self.episodes.space.max_prompt_tokens
        for lane, start in zip(lanes.tolist(), cast(Sequence[EditStart], starts), strict=True):
            self.observations[lane, P : P + len(start.draft)] = start.draft
            self.lengths[lane] = len(start.draft)
        self.observations[lanes, -1] = self.episodes.space.max_edits
        self.steps[lanes] = self.edits[lanes] = 0

    def open(self, lanes: IntArray) -> list[str]:
        """Judge the drafts at the start of ``lanes``, with one reward call; return them as text."""
        scores = self._score(lanes)
        self.initial[lanes] = scores
        return [self.texts[lane] for lane in lanes]

    def _score(self, lanes: IntArray) -> FloatArray:
        """Judge the drafts of ``lanes`` as they are."""
        judged = self.judge(lanes)
        self.potential[lanes] = judged.scores
        for lane, text in zip(lanes.tolist(), judged.texts, strict=True):
            self.texts[lane] = text
        return judged.scores

    def is_legal(self, lanes: IntArray, edits: Edits) -> BoolArray:
        """Return which edits of ``lanes`` are legal, bool [len(lanes)]."""
        drafts, _ = self._drafts_of(lanes)
        return self.episodes.space.is_legal(drafts, self.lengths[lanes], edits)

    def advance(self, lanes: IntArray, stops: BoolArray) -> BoolArray:
        """Count a step in ``lanes``; return which episodes it ends, bool [len(lanes)]."""
        self.steps[lanes] += 1
        self.observations[lanes, -1] = self.episodes.space.max_edits - self.steps[lanes]
        ends: BoolArray = stops | (self.steps[lanes] == self.episodes.space.max_edits)
        self.ended[lanes] = ends
        return ends

    def edit(self, lanes: IntArray, edits: Edits) -> FloatArray:
        """Make legal edits that change a draft; return the changes of the scores, with one reward call."""
        drafts, columns = self._drafts_of(lanes)
        self.observations[lanes, columns], self.lengths[lanes] = self.episodes.space.apply(
            drafts, self.lengths[lanes], edits
        )
        self.edits[lanes] += 1
        before = self.potential[lanes]
        return self._score(lanes) - before

    def _drafts_of(self, lanes: IntArray) -> tuple[npt.NDArray[np.int32], slice]:
        columns = slice(self.episodes.space.max_prompt_tokens, -1)
        return self.observations[lanes, columns], columns

    def outcome(self, lanes: IntArray, stops: BoolArray) -> dict[str, npt.NDArray[Any]]:
        """Return what the last step of ``lanes`` tells, arrays [len(lanes)]."""
        texts = [self.texts[lane] for lane in lanes]
        with self._paying():
            parts = self.episodes.parts(texts, [self.starts[lane].sample for lane in lanes])
            self.episodes.observe(parts)
        return {
            "response": np.array(texts, dtype=object),
            "finish": np.array(["stop" if stop else "length" for stop in stops], dtype=object),
            "score": self.potential[lanes],
            "initial_score": self.initial[lanes],
            "length": self.lengths[lanes],
            "edits": self.edits[lanes],
            **{f"{PART}{name}": values for name, values in parts.items()},
        }

    def views(self) -> list[View]:
        """Return what one sees of each lane; nothing before the first start."""
        if not self.starts:
            return []
        rows = zip(self.starts, self.texts, self.returns.tolist(), self.ended.tolist(), strict=True)
        return [view_of(start.sample, text, total, ended, "draft") for start, text, total, ended in rows]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the state of each lane, as a single environment gives it."""
        values = zip(
            cast(list[EditStart], self.starts),
            self.responses(self.all),
            self.potential.tolist(),
            self.returns.tolist(),
            [generator.bit_generator.state for generator in self.generators],
            self.initial.tolist(),
            self.steps.tolist(),
            self.edits.tolist(),
            self.ended.tolist(),
            strict=True,
        )
        return [EditState(*lane).to_json() for lane in values]

    def restore(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        """Set the state of each lane to its snapshot."""
        if len(snapshots) != self.count:
            raise ConfigError(f"The snapshot has {len(snapshots)} lanes, this environment has {self.count}.")
        states = [read_state(self.episodes, snapshot) for snapshot in snapshots]
        for generator, state in zip(self.generators, states, strict=True):
            set_generator_state(generator, state.generator)
        self.start(self.all, [replace(state.start, draft=state.tokens) for state in states])
        self.starts = [state.start for state in states]
        self.potential[:] = [state.score for state in states]
        self.returns[:] = [state.total for state in states]
        self.initial[:] = [state.initial_score for state in states]
        self.steps[:] = [state.steps for state in states]
        self.edits[:] = [state.edits for state in states]
        self.ended[:] = [state.ended for state in states]
        self.observations[:, -1] = self.episodes.space.max_edits - self.steps
        self.texts = self.episodes.decode(self.responses(self.all))
