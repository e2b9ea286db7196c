"""Errors that are put into a text, as learners of a language and machine translation make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from textgym.arguments import whole_number
from textgym.errors import ConfigError, did_you_mean

# words of which one often stands where another belongs; the first table are forms of one word, which must agree
# fmt: off
FORMS = {
    "en": (
        "am is are", "was were", "has have", "does do", "a an", "this these", "that those", "goes go", "he him",
        "she her", "they them", "i me", "we us", "my mine", "your yours", "can could", "will would",
    ),
    "de": (
        "der die das den dem des", "ein eine einen einem einer eines", "kein keine keinen keinem keiner",
        "mein meine meinen meinem meiner", "dein deine deinen deinem deiner", "sein seine seinen seinem seiner",
        "ihr ihre ihren ihrem ihrer", "bin bist ist sind", "war warst waren", "habe hast hat haben",
        "werde wirst wird werden", "kann kannst können", "muss musst müssen", "will willst wollen",
        "ich mich mir", "du dich dir", "er ihn ihm", "wir uns", "dieser diese dieses diesen diesem",
    ),
}
CONFUSED = {
    "en": (
        "in on at to for from with of by", "he she it they", "and but or", "because although if when that",
        "very too", "there their", "who which", "today yesterday tomorrow", "the a",
    ),
    "de": (
        "in an auf zu für von mit bei nach", "er sie es wir", "und aber oder", "weil obwohl wenn als dass",
        "sehr zu", "heute gestern morgen", "nicht kein",
    ),
}
# fmt: on
ENDINGS = {"en": ("s", ""), "de": ("e", "en", "er", "es", "em")}
SHORTEST = 4  # letters of a word whose ending is changed


@dataclass(frozen=True)
class Corruption:
    """Puts errors into texts; the same into the same text under the same key, in every process.

    The kinds of errors: ``drop`` leaves a word out, ``swap`` exchanges two neighbours, ``repeat`` says a word twice,
    ``replace`` takes another word that is often confused with it, else another of the same text, ``agreement`` another
    form of it (*is* for *are*, *dem* for *den*) or another ending. What cannot be done to a text is not done to it; a
    text of one word stays as it is if only a swap could change it. Words are what white space separates; punctuation
    stays with its word.

    >>> Corruption(least=1, most=1, kinds=("drop",))("she sees the house", 7)
    'she sees the'

    Args:
        least: The fewest errors of a text.
        most: The most; their number is drawn uniformly.
        kinds: Which kinds occur, each as likely.
        language: Of the tables of forms and confused words, "en" or "de".
        seed: Another seed, other errors.
    """

    least: int = 1
    most: int = 3
    kinds: tuple[str, ...] = ("drop", "swap", "repeat", "replace", "agreement")
    language: str = "en"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.kinds, Iterable):
            raise ConfigError(f"Corruption's kinds must be a list of {', '.join(_ERRORS)}, got {self.kinds!r:.80}.")
        object.__setattr__(self, "kinds", tuple(self.kinds) if not isinstance(self.kinds, str) else (self.kinds,))
        for kind in self.kinds:
            if kind not in list(_ERRORS):  # by comparison: what cannot be hashed is no kind either
                raise ConfigError(f"Corruption has no kind of error {kind!r}. {did_you_mean(str(kind), _ERRORS)}")
        if not self.kinds:
            raise ConfigError(f"Corruption needs at least one kind of error: {', '.join(_ERRORS)}.")
        if self.language not in list(FORMS):
            known = did_you_mean(str(self.language), FORMS)
            raise ConfigError(f"Corruption knows no language {self.language!r}. {known}")
        if whole_number("least", self.least) < 0 or whole_number("most", self.most) < self.least:
            raise ConfigError(f"Corruption needs 0 <= least <= most, got least={self.least}, most={self.most}.")
        if whole_number("seed", self.seed) < 0:
            raise ConfigError(f"Corruption's seed must be at least 0, got {self.seed}.")

    def __call__(self, text: str, *key: int) -> str:
        """Return the text with its errors; ``key``, whole numbers of at least 0, chooses which."""
        rng = np.random.default_rng([self.seed, *key])
        words, before = text.split(), text.split()
        for _ in range(int(rng.integers(self.least, self.most + 1))):
            words = self._with_error(words, rng)
        if words == before and self.least:  # two errors may undo each other
            words = self._with_error(words, rng)
        return " ".join(words)

    def _with_error(self, words: list[str], rng: np.random.Generator) -> list[str]:
        """Return the words with one more error, the first possible one in a random order of kinds and places."""
        for kind in rng.permutation(len(self.kinds)).tolist():
            for place in rng.permutation(len(words)).tolist():
                changed = _ERRORS[self.kinds[kind]](self, words, place, rng)
                if changed is not None and changed != words:
                    return changed
        return words

    @cached_property
    def _forms(self) -> dict[str, tuple[str, ...]]:
        return _others(FORMS[self.language])

    @cached_property
    def _confused(self) -> dict[str, tuple[str, ...]]:
        return _others(CONFUSED[self.language])


def make_corruption(spec: Any) -> Corruption:
    """Return the corruption that ``spec`` describes: None for the default, a dict of its arguments, or one itself."""
    if isinstance(spec, Corruption):
        return spec
    if spec is not None and not isinstance(spec, Mapping):
        raise ConfigError(f"corruption is a dict of the arguments of textgym.corruption.Corruption, got {spec!r:.80}.")
    known = [field.name for field in fields(Corruption)]
    for name in spec or {}:
        if name not in known:
            raise ConfigError(f"corruption has no option {name!r}. {did_you_mean(str(name), known)}")
    return Corruption(**(spec or {}))


def _others(rows: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return for each word those of its row that it may be taken for; the first row that has it counts."""
    table: dict[str, tuple[str, ...]] = {}
    for row in rows:
        words = row.split()
        for word in words:
            table.setdefault(word, tuple(other for other in words if other != word))
    return table


def _drop(corruption: Corruption, words: list[str], place: int, rng: np.random.Generator) -> list[str] | None:
    return [*words[:place], *words[place + 1 :]] if len(words) > 1 else None


def _swap(corruption: Corruption, words: list[str], place: int, rng: np.random.Generator) -> list[str] | None:
    if place + 1 == len(words):
        return None
    return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]


def _repeat(corruption: Corruption, words: list[str], place: int, rng: np.random.Generator) -> list[str] | None:
    return [*words[: place + 1], *words[place:]]


def _replace(corruption: Corruption, words: list[str], place: int, rng: np.random.Generator) -> list[str] | None:
    before, word, after = _parts(words[place])
    others: Iterable[str] = corruption._confused.get(word.lower(), ())
    others = others or sorted({core for core in (_parts(other)[1] for other in words) if core.lower() != word.lower()})
    return _with_one(words, place, word, others, (before, after), rng)


def _agreement(corruption: Corruption, words: list[str], place: int, rng: np.random.Generator) -> list[str] | None:
    before, word, after = _parts(words[place])
    others = corruption._forms.get(word.lower()) or _inflected(word, ENDINGS[corruption.language])
    return _with_one(words, place, word, others, (before, after), rng)


_ERRORS: dict[str, Callable[[Corruption, list[str], int, np.random.Generator], list[str] | None]] = {
    "drop": _drop,
    "swap": _swap,
    "repeat": _repeat,
    "replace": _replace,
    "agreement": _agreement,
}


def _with_one(
    words: list[str],
    place: int,
    word: str,
    others: Iterable[str],
    around: tuple[str, str],
    rng: np.random.Generator,
) -> list[str] | None:
    """Return the words with one of ``others`` in place of ``word``, capital as that is."""
    choices = list(others)
    if not choices or not word:
        return None
    other = choices[int(rng.integers(len(choices)))]
    other = other[:1].upper() + other[1:] if word[:1].isupper() else other
    return [*words[:place], f"{around[0]}{other}{around[1]}", *words[place + 1 :]]


def _parts(word: str) -> tuple[str, str, str]:
    """Return the marks before a word, the word, and the marks after it."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return word[:start], word[start:end], word[end:]


def _inflected(word: str, endings: tuple[str, ...]) -> tuple[str, ...]:
    """Return a word with other endings than its own, nothing for one that has none of them."""
    if not word.isalpha() or len(word) < SHORTEST:
        return ()
    for ending in sorted(endings, key=len, reverse=True):
        stem = word.removesuffix(ending)
        if word.endswith(ending):
            return tuple(stem + other for other in endings if other != ending)
    return ()
