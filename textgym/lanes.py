"""The state of many episodes that are played side by side, in arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.utils import seeding

from textgym.arguments import SNAPSHOT, set_generator_state, snapshot_values
from textgym.core import BoolArray, IntArray
from textgym.delays import UNPAID, Unpaid, owed_in
from textgym.drafts import Drafts
from textgym.episodes import Episodes, Start
from textgym.errors import ConfigError
from textgym.judging import Judged
from textgym.rendering import View, view_of
from textgym.responses import Endings, pack_prompts
from textgym.spaces import EMPTY


class Lanes:
    """``count`` episodes, each with its own random generator.

    Attributes:
        starts: What each lane plays; empty until every lane was started.
        observations: int32 [count, P + T].
        lengths: How many tokens were written, int64 [count].
        matched: How far the end of each response matches a stop string, int64 [count].
        ended: bool [count].
        potential: With shaping, the score of the text so far, float64 [count].
        returns: The sum of the rewards of the episode, float64 [count].
        unpaid: With a delay of rewards, what is owed.
    """

    def __init__(self, episodes: Episodes, count: int) -> None:
        self.episodes = episodes
        self.count = count
        self.all = np.arange(count)
        self.starts: list[Start] = []
        self.observations = np.full((count, *(episodes.space.shape or ())), EMPTY, dtype=np.int32)
        self.lengths = np.zeros(count, dtype=np.int64)
        self.matched = np.zeros(count, dtype=np.int64)
        self.ended = np.zeros(count, dtype=bool)
        self.potential = np.zeros(count)
        self.returns = np.zeros(count)
        self.unpaid = Unpaid(count, episodes.reward_delay) if episodes.reward_delay else None
        self._drafts: Drafts | None = None  # with shaping; made anew from the tokens where it is missing
        self._generators: list[np.random.Generator] = []
        self._seeds: list[int | None] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_drafts": None}

    @property
    def generators(self) -> list[np.random.Generator]:
        """The generators, made without a seed where none was given yet."""
        if not self._generators:
            pairs = [seeding.np_random() for _ in range(self.count)]
            self._generators, self._seeds = [g for g, _ in pairs], [s for _, s in pairs]
        return self._generators

    def adopt(self, generators: Sequence[np.random.Generator]) -> None:
        """Draw from these generators, one for each lane."""
        self._generators = list(generators)

    @property
    def seeds(self) -> list[int | None]:
        """The seed of each generator."""
        return self._seeds if self.generators else []

    def seed(self, lanes: IntArray, seeds: Sequence[int | None]) -> None:
        """Make new generators in ``lanes``, each from its place in ``seeds``, of all lanes; None keeps the old one."""
        for lane in lanes.tolist():
            if seeds[lane] is not None:
                self.generators[lane], self.seeds[lane] = seeding.np_random(seeds[lane])

    def draw(self, lanes: IntArray) -> list[Start]:
        """Return a start for each of ``lanes``, drawn by its generator."""
        return [self.episodes.draw(self.generators[lane]) for lane in lanes.tolist()]

    def start(self, lanes: IntArray, starts: Sequence[Start]) -> None:
        """Start episodes in ``lanes``; the first time, in all."""
        P = self.episodes.space.max_prompt_tokens
        self.starts = self.starts or list(starts)
        for lane, start in zip(lanes.tolist(), starts, strict=True):
            self.starts[lane] = start
        self.observations[lanes, :P] = pack_prompts(starts, P).ids
        self.observations[lanes, P:] = EMPTY
        self.lengths[lanes] = self.matched[lanes] = 0
        self.ended[lanes] = False
        self.potential[lanes] = self.returns[lanes] = 0.0
        if self.unpaid is not None:
            self.unpaid.clear(lanes)
        if self._drafts is not None:
            self._drafts.restart(lanes.tolist(), [start.sample for start in starts])

    def write(self, lanes: IntArray, tokens: IntArray) -> BoolArray:
        """Append ``tokens`` [len(lanes)] in ``lanes``; return which of these episodes they end, bool [len(lanes)]."""
        written = self.lengths[lanes]
        self.observations[lanes, self.episodes.space.max_prompt_tokens + written] = tokens
        self.lengths[lanes] = written + 1
        self.matched[lanes] = matched = self.episodes.space.stop.after(self.matched[lanes], tokens)
        self.ended[lanes] = ends = self.episodes.ends(tokens, matched, written + 1)
        return ends

    def endings(self, lanes: IntArray) -> Endings:
        """Return how the responses of ``lanes`` end."""
        lengths = self.lengths[lanes]
        last = self.observations[lanes, self.episodes.space.max_prompt_tokens + lengths - 1]
        return Endings(last, self.matched[lanes], lengths)

    def judge(self, lanes: IntArray) -> Judged:
        """Return the responses of ``lanes`` as text and their scores, with one reward call."""
        samples = [self.starts[lane].sample for lane in lanes]
        with self._paying():
            return self.episodes.judge(self.responses(lanes), samples)

    def follow(self, lanes: IntArray, tokens: IntArray, ends: BoolArray) -> Judged:
        """Return the texts of ``lanes`` after ``tokens`` were written, and their potentials or, at ends, scores."""
        with self._paying():
            if self._drafts is None:
                responses = self.responses(self.all)
                for lane in lanes.tolist():
                    responses[lane].pop()
                self._drafts = Drafts(self.episodes, [start.sample for start in self.starts], responses)
            return Judged(*self._drafts.write(lanes.tolist(), tokens.tolist(), ends.tolist()), {})

    def finished(self, found: Judged, over: BoolArray, lanes: IntArray) -> Judged:
        """Return the rows of ``found`` that are ``over``, those of ``lanes``, with the scores of the reward's parts."""
        ended = found.rows(np.flatnonzero(over))
        if self.episodes.shaping is None or not len(lanes):
            return ended
        with self._paying():
            samples = [self.starts[lane].sample for lane in lanes]
            return ended._replace(parts=self.episodes.parts(ended.texts, samples))

    @contextmanager
    def _paying(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.starts, self._drafts = [], None  # tokens were written that nobody can pay for: only a reset leads on
            raise

    def responses(self, lanes: IntArray) -> list[list[int]]:
        """Return the tokens that were written in ``lanes``."""
        rows = self.observations[lanes, self.episodes.space.max_prompt_tokens :].tolist()
        return [row[:length] for row, length in zip(rows, self.lengths[lanes].tolist(), strict=True)]

    def info(self, lanes: IntArray, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Return values [len(lanes), ...] by key in Gymnasium's layout: an array [count, ...] and a mask [count]."""
        infos: dict[str, Any] = {}
        for key, values in columns.items():
            array = (
                np.full(self.count, None)
                if values.dtype == object
                else np.zeros((self.count, *values.shape[1:]), values.dtype)
            )
            mask = np.zeros(self.count, dtype=bool)
            array[lanes], mask[lanes] = values, True
            infos[key], infos[f"_{key}"] = array, mask
        return infos

    def views(self) -> list[View]:
        """Return what one sees of each lane; nothing before the first start."""
        if not self.starts:
            return []
        texts = self.episodes.decode(self.responses(self.all))
        rows = zip(self.starts, texts, self.returns.tolist(), self.ended.tolist(), strict=True)
        return [view_of(start.sample, text, total, ended) for start, text, total, ended in rows]

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the state of each lane, as a single environment gives it."""
        values = zip(
            [start.index for start in self.starts],
            self.responses(self.all),
            self.potential.tolist(),
            self.returns.tolist(),
            [generator.bit_generator.state for generator in self.generators],
            strict=True,
        )
        snapshots = [dict(zip(SNAPSHOT, lane, strict=True)) for lane in values]
        if self.unpaid is not None:
            return [told | {UNPAID: self.unpaid.owed(lane)} for lane, told in enumerate(snapshots)]
        return snapshots

    def restore(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        """Set the state of each lane to its snapshot."""
        if len(snapshots) != self.count:
            raise ConfigError(f"The snapshot has {len(snapshots)} lanes, this environment has {self.count}.")
        values = [snapshot_values(snapshot) for snapshot in snapshots]
        starts = [self.episodes.start(index) for index, *_ in values]
        responses = [self.episodes.checked_tokens(tokens) for _, tokens, *_ in values]
        owed = [owed_in(snapshot, self.episodes.reward_delay) for snapshot in snapshots]
        for generator, (*_, state) in zip(self.generators, values, strict=True):
            set_generator_state(generator, state)
        self.start(self.all, starts)
        P = self.episodes.space.max_prompt_tokens
        for lane, tokens in enumerate(responses):
            self.observations[lane, P : P + len(tokens)] = tokens
        self.lengths[:] = [len(tokens) for tokens in responses]
        last = self.observations[self.all, P - 1 + self.lengths]
        self.matched[:] = [self.episodes.space.stop.follow(tokens) for tokens in responses]
        self.ended[:] = (self.lengths > 0) & self.episodes.ends(last, self.matched, self.lengths)
        self._drafts = None
        self.potential[:] = [potential for _, _, potential, _, _ in values]
        self.returns[:] = [total for _, _, _, total, _ in values]
        if self.unpaid is not None:
            for lane in range(self.count):
                self.unpaid.load(lane, owed[lane])
