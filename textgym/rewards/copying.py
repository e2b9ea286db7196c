"""How much of a response was taken from the prompt, and how much was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textgym.core import Sample
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, check_options, grams


@register_reward("copying")
@dataclass(frozen=True)
class Copying(PointwiseReward):
    """The share of the response's n-grams that stand in the prompt, on [0, 1], without regard to case.

    The prompt copied wins it; with a negative weight, any text that has nothing to do with the prompt does, and so does
    one of fewer than n units, which scores 0.

    Args:
        n: The order, at least 1.
        unit: "word" or "character", for scripts that write no spaces.
    """

    n: int = 3
    unit: str = "word"
    won_by: ClassVar[tuple[str, ...]] = ("prompt copied",)

    def __post_init__(self) -> None:
        check_options(self.name, self.unit, n=self.n)

    def value(self, response: str, sample: Sample) -> float:
        """Return the share of copied n-grams."""
        return _copied(response, sample.prompt, self.unit, self.n) or 0.0


@register_reward("novelty")
@dataclass(frozen=True)
class Novelty(Copying):
    """The share of the response's n-grams that do not stand in the prompt, on [0, 1] (See et al., 2017, section 7.2).

    A text of fewer than n units scores 0. Any text that has nothing to do with the prompt wins it, one token repeated
    among them: use it beside a metric of content.

    Args:
        n: The order, at least 1.
        unit: "word" or "character", for scripts that write no spaces.
    """

    won_by = ("punctuation", "one word repeated", "common n-grams", "first words", "another answer", "very long")

    def value(self, response: str, sample: Sample) -> float:
        """Return the share of new n-grams."""
        copied = _copied(response, sample.prompt, self.unit, self.n)
        return 0.0 if copied is None else 1 - copied


def _copied(response: str, prompt: str, unit: str, n: int) -> float | None:
    """Return the share of the response's n-grams that the prompt has, None where there is none."""
    found = grams(response.casefold(), unit, n)
    known = set(grams(prompt.casefold(), unit, n))
    return sum(gram in known for gram in found) / len(found) if found else None
