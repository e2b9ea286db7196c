"""Rewards that count the errors of a response: 1 minus errors over the length of the reference."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.rewards.counting import CountingReward
from textgym.rewards.reference import P


class ErrorRate(CountingReward[P]):
    """A reward on [0, 1], ``max(0, 1 - errors / length)``: an error rate itself would be best for the worst response.

    Tables call the score "1-wer", its corpus score with the scale of the tool: 53.2 is a WER of 46.8%.
    :meth:`rates` gives the rates themselves, as the tool that defines the metric prints them; they may exceed 1. The
    corpus score sums errors and lengths. Of several references, the one that a subclass chooses counts.
    """

    scale = 100.0

    @property
    def width(self) -> int:
        """K: the errors, and the length that they are divided by."""
        return 2

    @abstractmethod
    def count(self, response: str, prepared: P) -> Sequence[float]:
        """Return [errors, length]."""

    def score(self, counts: Sequence[float], corpus: bool = False) -> float:
        """Return 1 minus the error rate, 0 where that is negative."""
        errors, length = counts
        if not errors:
            return float(bool(length) or not corpus)  # a corpus without any text has no score but 0
        return max(0.0, 1 - errors / length) if length else 0.0

    def rates(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the error rate of each response, float64 [N], from 0; 1 for errors against a length of 0."""
        errors, lengths = self.statistics(responses, samples).T
        rates = np.array(errors > 0, np.float64)
        np.divide(errors, lengths, out=rates, where=lengths > 0)
        return rates
