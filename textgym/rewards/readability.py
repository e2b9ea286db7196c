"""How hard a response is to read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from textgym.core import Sample
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward

WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
# Latin, Devanagari and Arabic marks before a space or a closing quote; Chinese and Japanese ones anywhere
SENTENCE_END = re.compile(r"[.!?\u2026\u0964\u061f]+(?=\s|$|[\"'\u201d\u2019)])|[\u3002\uff01\uff1f]")


class Index(NamedTuple):
    """A formula of lengths: from words, and the number of sentences, to a number of at least ``low``."""

    score: Callable[[list[str], int], float]
    low: float


def _automated(words: list[str], sentences: int) -> float:
    return 4.71 * _characters(words) / len(words) + 0.5 * len(words) / sentences - 21.43


def _coleman_liau(words: list[str], sentences: int) -> float:
    return 5.88 * _characters(words) / len(words) - 29.6 * sentences / len(words) - 15.8


def _lix(words: list[str], sentences: int) -> float:
    return len(words) / sentences + 100 * sum(len(word) > 6 for word in words) / len(words)


def _characters(words: list[str]) -> int:
    return sum(character.isalnum() for word in words for character in word)


INDICES = {
    "ari": Index(_automated, -21.43),
    "coleman_liau": Index(_coleman_liau, -45.4),
    "lix": Index(_lix, 0.0),
}


@register_reward("readability")
@dataclass(frozen=True)
class Readability(PointwiseReward):
    """How hard a response is to read; for use in expressions: ``bleu - 0.05*abs(readability - 8)``.

    The indices count letters, words and sentences and know no syllables, so that they hold for any alphabet: "ari",
    the automated readability index (Senter and Smith, 1967), and "coleman_liau" (Coleman and Liau, 1975) are American
    school grades; "lix" (Björnsson, 1968) lies below 30 for easy texts and above 60 for hard ones. Hard texts score
    high. A text without words scores 0.

    They know no meaning: long words in long sentences win it, sense or none; with a negative weight, short words do.

    Args:
        index: "ari", "coleman_liau" or "lix".
    """

    index: str = "ari"
    bounds: tuple[float, float] = field(init=False, repr=False, compare=False, default=(0.0, np.inf))
    won_by = ("one word repeated", "prompt copied", "very long")

    def __post_init__(self) -> None:
        if self.index not in INDICES:
            raise ConfigError(f"Readability has no index {self.index!r}. {did_you_mean(str(self.index), INDICES)}")
        object.__setattr__(self, "bounds", (INDICES[self.index].low, np.inf))

    def value(self, response: str, sample: Sample) -> float:
        """Return the index of one response."""
        words = WORD.findall(response)
        pieces = [piece for piece in SENTENCE_END.split(response) if WORD.search(piece)]
        return INDICES[self.index].score(words, len(pieces)) if words else 0.0
