"""Whether a response is written in the language that was asked for."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from textgym.core import Sample
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_reward
from textgym.rewards.pointwise import PointwiseReward, load_scorer

LONGEST = 10_000  # characters that are looked at: more add nothing to the answer


@register_reward("language")
@dataclass(frozen=True)
class Language(PointwiseReward):
    """The probability, on [0, 1], that a response is in the target language, as py3langid estimates it.

    The estimate is naive Bayes over 97 languages (Lui and Baldwin, 2012). It is sure about whole sentences and
    unreliable below some five words; any fluent text of the language wins it, and so can a few of its common words,
    repeated: use it beside a metric of content.

    Args:
        target: A code of ISO 639-1, such as "de".
        among: Codes that the text may be in, to tell close languages apart; empty for all that are known.
    """

    target: str = "en"
    among: tuple[str, ...] = ()
    package = "py3langid"
    won_by = ("common n-grams", "prompt copied")
    _identifier: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "among", tuple(self.among))
        codes = self.among and tuple(sorted({self.target, *self.among}))
        for code in (self.target, *self.among):
            if code not in _known():
                raise ConfigError(f"The reward 'language' does not know {code!r}. {did_you_mean(str(code), _known())}")
        object.__setattr__(self, "_identifier", _load(codes))

    def value(self, response: str, sample: Sample) -> float:
        """Return the probability of the target language."""
        return float(dict(self._identifier.rank(response[:LONGEST]))[self.target])

    def __deepcopy__(self, memo: dict[int, Any]) -> Language:
        return self  # it never changes, and its tables take some 100 MB

    def __reduce__(self) -> tuple[Any, ...]:
        return Language, (self.target, self.among)


@lru_cache(maxsize=16)
def _load(codes: tuple[str, ...]) -> Any:
    if codes:
        identifier = copy.copy(_load(()))  # the tables are shared
        identifier.set_languages(list(codes))
        return identifier
    return load_scorer("py3langid", "The reward 'language'", _load_all)


def _load_all() -> Any:
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def _known() -> tuple[str, ...]:
    return tuple(_load(()).labels)
