"""A memory of the scores of a costly reward."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from textgym.arguments import whole_number
from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError
from textgym.rewards.judge import check_lengths, judge

Content = tuple[str, str, tuple[str, ...]]


class Cached(Reward):
    """Asks a reward once about equal responses to equal prompts with equal references, and remembers the score.

    Equal texts within a batch are asked about once too. Metadata are no part of what is compared: leave a reward that
    looks at them as it is. The memory is bounded, the oldest scores go first; it is left behind when the reward is
    pickled or copied.

    Args:
        reward: The reward; its value must depend on the texts alone.
        entries: How many scores are remembered, at least 1; one takes some 500 bytes and its texts.

    Attributes:
        hits: How many scores were given from memory.
        misses: How many were asked for.
    """

    def __init__(self, reward: Reward, entries: int = 100_000) -> None:
        self.reward = reward
        self.entries = whole_number("entries", entries)
        if self.entries < 1:
            raise ConfigError(f"A cache needs at least one entry, got {entries}.")
        self.name, self.bounds, self.scale = reward.name, reward.bounds, reward.scale
        self.needs_references = reward.needs_references
        self._forget()

    def _forget(self) -> None:
        self.hits = self.misses = 0
        self._known: dict[Content, float] = {}
        self._lock = Lock()

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]."""
        check_lengths(self.name, responses, samples)
        rows = [(text, sample.prompt, sample.references) for text, sample in zip(responses, samples, strict=True)]
        first: dict[Content, int] = {}
        with self._lock:
            found = {content: self._known[content] for content in rows if content in self._known}
        for row, content in enumerate(rows):
            if content not in found:
                first.setdefault(content, row)
        asked = list(first.values())
        if asked:
            scores = judge(self.reward, [responses[row] for row in asked], [samples[row] for row in asked])
            found |= zip(first, scores.tolist(), strict=True)
        self._remember(first, found, len(rows) - len(asked))
        return np.array([found[content] for content in rows], np.float64)

    def _remember(self, new: dict[Content, int], found: dict[Content, float], hits: int) -> None:
        with self._lock:
            self.hits += hits
            self.misses += len(new)
            self._known |= {content: found[content] for content in new}
            for content in list(self._known)[: max(0, len(self._known) - self.entries)]:
                del self._known[content]

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return what the reward itself gives, which is not remembered; its mean is made of remembered scores."""
        if type(self.reward).statistics is Reward.statistics:
            return super().statistics(responses, samples)
        return self.reward.statistics(responses, samples)

    def aggregate(self, totals: FloatArray, count: int) -> FloatArray:
        """Return the reward's own corpus scores."""
        return self.reward.aggregate(totals, count)

    @property
    def fault_counts(self) -> dict[str, int]:
        """Those of the reward."""
        return self.reward.fault_counts

    @property
    def signature(self) -> str:
        """The signature of the reward, which is what is reported."""
        return self.reward.signature

    @property
    def corpus_signature(self) -> str:
        """The same for the corpus score."""
        return self.reward.corpus_signature

    def __repr__(self) -> str:
        return f"Cached({self.reward!r}, entries={self.entries!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in ("_known", "_lock", "hits", "misses")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()
