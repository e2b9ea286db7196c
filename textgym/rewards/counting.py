"""Rewards whose corpus score is not the mean of sentence scores but the score of summed counts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.rewards.reference import P, ReferenceReward


class CountingReward(ReferenceReward[P]):
    """A reward whose score is a function of counts that add up over a corpus.

    So the corpus score is the score of the summed counts, and a bootstrap never tokenizes again. A subclass gives
    :attr:`width`, :meth:`count`, :meth:`score` and :meth:`_signature`.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """K, the number of counts."""

    @abstractmethod
    def count(self, response: str, prepared: P) -> Sequence[float]:
        """Return the K counts of one response."""

    @abstractmethod
    def score(self, counts: Sequence[float], corpus: bool = False) -> float:
        """Return the score that K counts amount to, of one response or of a corpus."""

    @abstractmethod
    def _signature(self, level: str) -> str:
        """Return the signature of the score at a level: "sentence" or "corpus"."""

    @property
    def signature(self) -> str:
        """The signature of the sentence score."""
        return self._signature("sentence")

    @property
    def corpus_signature(self) -> str:
        """The signature of the corpus score."""
        return self._signature("corpus")

    def compare(self, response: str, prepared: P) -> float:
        """Return the score of one response."""
        return self.score(self.count(response, prepared))

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the counts of each response, float64 [N, K]."""
        rows = zip(responses, self.prepared(responses, samples), strict=True)
        counts = [self.count(text, prepared) for text, prepared in rows]
        return np.array(counts, np.float64).reshape(len(counts), self.width)

    def aggregate(self, totals: FloatArray, count: int) -> FloatArray:
        """Return corpus scores, float64 [...], from summed counts [..., K]."""
        rows = np.asarray(totals, np.float64).reshape(-1, self.width).tolist()
        return np.array([self.score(row, corpus=True) for row in rows]).reshape(np.shape(totals)[:-1])
