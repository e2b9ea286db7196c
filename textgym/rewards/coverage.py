"""Whether a response says what it must: required words and slots, and the slot error rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import RewardError
from textgym.memo import Memo
from textgym.registration import register_reward
from textgym.rewards.judge import check_lengths, excerpt
from textgym.rewards.progress import Draft, Drafted, Progress, words_end
from textgym.rewards.signature import signature
from textgym.rewards.unicode_words import unicode_tokens

Phrase = str  # tokens, each between two spaces, so that phrases are found as substrings
Items = tuple[tuple[Phrase, ...], ...]  # what is asked for, each with its alternatives
REMEMBERED = 2**20  # characters of phrases


class RequiredReward(Reward):
    """What both rewards share: where a sample says what is required.

    ``sample.metadata[key]`` is a list of phrases, or a mapping of slots to phrases; a list in place of a phrase holds
    alternatives, one of which is enough. A phrase is found where its words and marks stand one after the other, in any
    case. References play no part.
    """

    key: str = "required"

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]; a blank response scores 0."""
        rows = zip(responses, self.required(responses, samples), samples, strict=True)
        scores = [self.compare(spoken(text), items, sample) if text.strip() else 0.0 for text, items, sample in rows]
        return np.array(scores, np.float64)

    def compare(self, said: Phrase, items: Items, sample: Sample) -> float:
        """Return the score of one response, given as a phrase."""
        raise NotImplementedError

    def required(self, responses: Sequence[str], samples: Sequence[Sample]) -> list[Items]:
        """Return what each sample requires.

        Raises:
            RewardError: The counts differ, or a sample requires nothing, or something that is no phrase.
        """
        check_lengths(self.name, responses, samples)
        return [self._items(row, sample) for row, sample in enumerate(samples)]

    def _items(self, row: int, sample: Sample) -> Items:
        value = sample.metadata.get(self.key)
        try:
            items = self._memo[_alternatives(value)]
        except TypeError:
            self._refuse(row, sample, value)
        return items or self._refuse(row, sample, value)

    def _refuse(self, row: int, sample: Sample, value: Any) -> NoReturn:
        raise RewardError(
            f"The reward {self.name!r} needs metadata[{self.key!r}], a list of phrases or a mapping of slots to "
            f"phrases with at least one, got {value!r:.80} at row {row} (prompt {excerpt(sample.prompt)}): give the "
            "sample its list, or name where it is with key=."
        )

    @cached_property
    def _memo(self) -> Memo[tuple[tuple[str, ...], ...], Items]:
        return Memo(_phrases, REMEMBERED, weight=lambda value: sum(len(text) for texts in value for text in texts))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


@register_reward("coverage")
@dataclass(frozen=True)
class Coverage(RequiredReward):
    """The share of required phrases that a response holds, on [0, 1]; see :class:`RequiredReward`.

    Args:
        key: Where the metadata of a sample says what is required.
    """

    key: str = "required"

    def compare(self, said: Phrase, items: Items, sample: Sample) -> float:
        """Return the share of items of which an alternative is found."""
        return sum(any(phrase in said for phrase in phrases) for phrases in items) / len(items)

    @property
    def incremental(self) -> bool:
        """True: what was said remains said."""
        return True

    def start(self, samples: Iterable[Sample]) -> Progress:
        """Return a state that scores one response to each of ``samples`` after every piece that is appended to it."""
        return Drafted(lambda some: list(map(_CoverageDraft, self.required([""] * len(some), some))), samples)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("coverage", "sentence", case="lc", tok="unicode", key=self.key)


@register_reward("slot_error_rate")
@dataclass(frozen=True)
class SlotErrorRate(RequiredReward):
    """``max(0, 1 - ERR)`` on [0, 1], ERR = (missing + redundant) / required slots (Wen et al., 2015, section 5.1).

    A value that is said more often than it is required is redundant each further time; so is each of
    ``sample.metadata[forbidden]``, a list of the same form, where there is one. The corpus score is the mean.

    Args:
        key: Where the metadata of a sample says which values are required.
        forbidden: Where it may say which values must not be there.
    """

    key: str = "required"
    forbidden: str = "forbidden"

    def compare(self, said: Phrase, items: Items, sample: Sample) -> float:
        """Return 1 minus the error rate, 0 where that is negative."""
        wrong = 0
        for phrases in set(items):
            wrong += abs(sum(map(said.count, phrases)) - items.count(phrases))
        for phrases in self._forbidden(sample):
            wrong += sum(map(said.count, phrases))
        return max(0.0, 1 - wrong / len(items))

    def _forbidden(self, sample: Sample) -> Items:
        value = sample.metadata.get(self.forbidden, ())
        try:
            return self._memo[_alternatives(value)]
        except TypeError:
            raise RewardError(
                f"The reward {self.name!r} takes metadata[{self.forbidden!r}] as a list of phrases or a mapping of "
                f"slots to phrases, got {value!r:.80} (prompt {excerpt(sample.prompt)}): leave it out or mend it."
            ) from None

    @property
    def signature(self) -> str:
        """The signature of the score."""
        fields = {"key": self.key, "forbidden": self.forbidden, "value": "1-rate"}
        return signature("slot_error_rate", "sentence", case="lc", tok="unicode", **fields)


def spoken(text: str, cut: Callable[[str], Sequence[str]] = unicode_tokens) -> Phrase:
    """Return a text as a phrase."""
    return "".join([f" {token} " for token in cut(text)])


def _phrases(value: tuple[tuple[str, ...], ...]) -> Items:
    items = (tuple(phrase for phrase in map(spoken, texts) if phrase) for texts in value)
    return tuple(phrases for phrases in items if phrases)


def _alternatives(value: Any) -> tuple[tuple[str, ...], ...]:
    """Return what metadata require, each as a tuple of alternatives.

    Raises:
        TypeError: The value is no list and no mapping of phrases.
    """
    if isinstance(value, str) or not isinstance(value, (Mapping, Sequence)):
        raise TypeError
    given = value.values() if isinstance(value, Mapping) else value
    items = [(item,) if isinstance(item, str) else tuple(item) for item in given]
    if not all(isinstance(text, str) for texts in items for text in texts):
        raise TypeError
    return tuple(items)


class _CoverageDraft(Draft):
    """What the words that are complete have covered."""

    __slots__ = ("_items", "_left", "_reach", "_tail")

    def __init__(self, items: Items) -> None:
        self._items = items
        self._reach = max(len(phrase) for phrases in items for phrase in phrases)
        super().__init__()

    def certain(self, rest: str) -> int:
        return words_end(rest)

    def reset(self) -> None:
        self._left, self._tail = list(self._items), ""

    def add(self, text: str) -> None:
        said = self._tail + spoken(text)
        self._left = _missing(self._left, said)
        self._tail = said[-self._reach :]

    def value(self, rest: str) -> float:
        left = _missing(self._left, self._tail + spoken(rest))
        return (len(self._items) - len(left)) / len(self._items)


def _missing(items: Iterable[tuple[Phrase, ...]], said: Phrase) -> list[tuple[Phrase, ...]]:
    return [phrases for phrases in items if not any(phrase in said for phrase in phrases)]
