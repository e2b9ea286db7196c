"""How much of a response is new within it."""

from __future__ import annotations

from dataclasses import dataclass

from textgym.core import Sample
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, check_options, grams


@register_reward("distinct")
@dataclass(frozen=True)
class Distinct(PointwiseReward):
    """Distinct-n (Li et al., 2016): different n-grams over all n-grams of one response, on [0, 1].

    A response of fewer than n units scores 0. The corpus score is the mean over responses; the paper counts n-grams
    over all of them, which no response can be paid for.

    A short text wins it, and so do the prompt copied and the beginning of anything: use it beside a metric of content.

    Args:
        n: The order, at least 1.
        unit: "word" or "character", for scripts that write no spaces.
    """

    n: int = 2
    unit: str = "word"

    def __post_init__(self) -> None:
        check_options("distinct", self.unit, n=self.n)

    def value(self, response: str, sample: Sample) -> float:
        """Return the share of different n-grams."""
        found = grams(response, self.unit, self.n)
        return len(set(found)) / len(found) if found else 0.0
