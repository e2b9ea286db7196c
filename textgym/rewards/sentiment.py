"""How positive a response sounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from textgym.core import Sample
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, load_scorer

LONGEST = 2_000  # characters that are looked at: VADER takes quadratic time, most of all for emoji


@register_reward("sentiment")
@dataclass(frozen=True)
class Sentiment(PointwiseReward):
    """The compound score of VADER (Hutto and Gilbert, 2014), from -1, negative, to 1, positive; English only.

    The first 2,000 characters count. A lexicon with rules: a list of praise wins it, and "great great great" too; with
    a negative weight, abuse does.
    """

    bounds = (-1.0, 1.0)
    package = "vaderSentiment"
    won_by = ("common n-grams", "prompt copied")
    _analyzer: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_analyzer", _load())

    def value(self, response: str, sample: Sample) -> float:
        """Return the compound score."""
        return float(self._analyzer.polarity_scores(response[:LONGEST])["compound"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Sentiment:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentiment, ()


@lru_cache(maxsize=1)
def _load() -> Any:
    def load() -> Any:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        return SentimentIntensityAnalyzer()

    return load_scorer("vaderSentiment", "The reward 'sentiment'", load)
