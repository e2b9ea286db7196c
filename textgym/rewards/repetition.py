"""How much of a response repeats what it said before."""

from __future__ import annotations

from dataclasses import dataclass

from textgym.core import Sample
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, check_options, grams


@register_reward("repetition")
@dataclass(frozen=True)
class Repetition(PointwiseReward):
    """The share of n-grams that stand in the response before, on [0, 1]: a cost, as in ``bleu - 0.5*repetition``.

    One token repeated wins it alone (as seq-rep-n of Welleck et al., 2020). With a negative weight the empty text and
    anything short does, and the metric beside it must prevent that.

    Args:
        n: The order, at least 1.
        unit: "word" or "character", for scripts that write no spaces.
    """

    n: int = 4
    unit: str = "word"
    won_by = ("punctuation", "one word repeated", "common n-grams", "very long")

    def __post_init__(self) -> None:
        check_options("repetition", self.unit, n=self.n)

    def value(self, response: str, sample: Sample) -> float:
        """Return the share of repeated n-grams; 0 where there is none."""
        found = grams(response, self.unit, self.n)
        return 1 - len(set(found)) / len(found) if found else 0.0
