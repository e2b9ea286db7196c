"""How long a response is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from textgym.core import Sample
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, check_options, units


@register_reward("length")
@dataclass(frozen=True)
class Length(PointwiseReward):
    """How many words a response has, from 0, without an upper bound; for use in expressions: ``bleu - 0.01*length``.

    Any long text wins it alone; with a negative weight, the empty one does.

    Args:
        unit: "word" (separated by white space) or "character" (without white space).
    """

    unit: str = "word"
    won_by = ("punctuation", "one word repeated", "common n-grams", "prompt copied", "another answer", "very long")
    bounds = (0.0, np.inf)

    def __post_init__(self) -> None:
        check_options("length", self.unit)

    def value(self, response: str, sample: Sample) -> float:
        """Return the count."""
        return float(len(units(response, self.unit)))
