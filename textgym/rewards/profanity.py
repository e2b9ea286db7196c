"""How much of a response swears."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from textgym.core import Sample
from textgym.errors import ConfigError, DataError
from textgym.registration import register_reward
from textgym.rewards.composite import label
from textgym.rewards.pointwise import PointwiseReward, load_scorer
from textgym.rewards.signature import signature

LOOKALIKES = str.maketrans("@4310$57", "aaeiosst")
MARKS = re.compile(r"[^\w@$]+")

Phrases = frozenset[tuple[str, ...]]


@register_reward("profanity")
@dataclass(frozen=True)
class Profanity(PointwiseReward):
    """The share of words that belong to a swear word or phrase of a list, on [0, 1]: a cost, ``bleu - profanity``.

    Case does not count, nor do the usual digits and signs in place of letters. A list knows no context: it takes a
    harmless use for a swear word and misses an insult made of harmless words. Swearing wins the metric alone; with a
    negative weight the empty text and nearly any other does, so that another metric must stand beside it.

    Args:
        words: A UTF-8 file with a word or phrase on each line; None for the English list of better-profanity.
    """

    words: str | None = None
    _phrases: Phrases = field(init=False, repr=False, compare=False, default=frozenset())
    _longest: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        phrases = _packaged() if self.words is None else _of_file(self.words)
        object.__setattr__(self, "_phrases", phrases)
        object.__setattr__(self, "_longest", max(map(len, phrases)))

    @property
    def package(self) -> str | None:  # type: ignore[override]
        """Where the list comes from."""
        return "better-profanity" if self.words is None else None

    @property
    def signature(self) -> str:
        """The name with its options, and a digest of the list."""
        listed = "\n".join(sorted(map(" ".join, self._phrases)))
        digest = sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return signature(label(self), "sentence", self.package, data=digest)

    def value(self, response: str, sample: Sample) -> float:
        """Return the share of words within a phrase of the list."""
        words = _words(response)
        sworn: set[int] = set()
        for start in range(len(words)):
            for length in range(1, min(self._longest, len(words) - start) + 1):
                if tuple(words[start : start + length]) in self._phrases:
                    sworn.update(range(start, start + length))
        return len(sworn) / len(words) if words else 0.0


def _words(text: str) -> list[str]:
    """Return the words of a text in the form in which they are compared; a bare number stays one."""
    words = MARKS.sub(" ", text.casefold()).split()
    return [word if word.isdigit() else word.translate(LOOKALIKES) for word in words]


def _phrases(lines: Iterable[str]) -> Phrases:
    return frozenset(tuple(words) for line in lines if (words := _words(line)))


@lru_cache(maxsize=1)
def _packaged() -> Phrases:
    def load() -> str:
        return (files("better_profanity") / "profanity_wordlist.txt").read_text(encoding="utf-8")

    return _phrases(load_scorer("better-profanity", "The reward 'profanity'", load).splitlines())


def _of_file(path: str) -> Phrases:
    if not isinstance(path, str):
        raise ConfigError(f"words must be the path of a file, got {path!r}.")
    try:
        phrases = _phrases(Path(path).read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read the words of the reward 'profanity' from {Path(path).absolute()}: {error}."
        ) from error
    if not phrases:
        raise DataError(f"{Path(path).absolute()} has no words: write one on each line.")
    return phrases
