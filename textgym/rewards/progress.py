"""The scores of responses while they are written: after every piece that of the text so far, exactly and cheaply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.rewards.judge import enforce, judge


class Progress(ABC):
    """N responses that grow, each against its sample; what ``reward.start(samples)`` returns.

    Each score is what the reward gives for the whole text so far. A text may also be replaced by any other, as when
    bytes that were cut within a character are completed: what it has in common with the one before is not judged
    again.

    Args:
        samples: The sample of each row.

    Attributes:
        samples: The same, a list.
        texts: The text of each row so far.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = list(samples)
        self.texts = [""] * len(self.samples)

    def push(self, pieces: Sequence[str], rows: Sequence[int] | None = None) -> FloatArray:
        """Append a piece to the text of each of ``rows``, all by default; return their scores, float64 [len(rows)]."""
        rows = range(len(self.texts)) if rows is None else rows
        return self.show([self.texts[row] + piece for row, piece in zip(rows, pieces, strict=True)], rows)

    def show(self, texts: Sequence[str], rows: Sequence[int] | None = None) -> FloatArray:
        """Set the text of each of ``rows``, all by default; return their scores, float64 [len(rows)]."""
        rows = range(len(self.texts)) if rows is None else rows
        scores = self._scores(texts, rows)
        for row, text in zip(rows, texts, strict=True):
            self.texts[row] = text
        return scores

    def restart(self, rows: Iterable[int], samples: Iterable[Sample]) -> None:
        """Begin anew in ``rows``, each with its place in ``samples``."""
        for row, sample in zip(rows, samples, strict=True):
            self.samples[row], self.texts[row] = sample, ""

    @abstractmethod
    def _scores(self, texts: Sequence[str], rows: Sequence[int]) -> FloatArray:
        """Return the score of each text; ``self.texts`` are still those before."""


class Rescored(Progress):
    """Judges each text from scratch, those that changed in one call of the reward.

    Args:
        reward: Any reward.
        samples: The sample of each row.
    """

    def __init__(self, reward: Reward, samples: Iterable[Sample]) -> None:
        super().__init__(samples)
        self.reward = reward
        self._last: list[float | None] = [None] * len(self.samples)

    def restart(self, rows: Iterable[int], samples: Iterable[Sample]) -> None:
        """Begin anew in ``rows``, each with its place in ``samples``."""
        rows = list(rows)
        super().restart(rows, samples)
        for row in rows:
            self._last[row] = None

    def _scores(self, texts: Sequence[str], rows: Sequence[int]) -> FloatArray:
        pairs = list(zip(rows, texts, strict=True))
        changed = [(row, text) for row, text in pairs if self._last[row] is None or text != self.texts[row]]
        if changed:
            scores = judge(self.reward, [text for _, text in changed], [self.samples[row] for row, _ in changed])
            for (row, _), score in zip(changed, scores.tolist(), strict=True):
                self._last[row] = score
        return np.array([self._last[row] for row in rows], np.float64)


class Summed(Progress):
    """The weighted sum of several rewards.

    Args:
        components: Pairs of a weight and a reward.
        samples: The sample of each row.
        constant: A number that is added.
    """

    def __init__(
        self, components: Iterable[tuple[float, Reward]], samples: Iterable[Sample], constant: float = 0.0
    ) -> None:
        super().__init__(samples)
        self._constant = constant
        self._parts = [(weight, reward, reward.start(self.samples)) for weight, reward in components]

    def restart(self, rows: Iterable[int], samples: Iterable[Sample]) -> None:
        """Begin anew in ``rows``, each with its place in ``samples``."""
        rows, samples = list(rows), list(samples)
        super().restart(rows, samples)
        for _, _, part in self._parts:
            part.restart(rows, samples)

    def _scores(self, texts: Sequence[str], rows: Sequence[int]) -> FloatArray:
        samples = [self.samples[row] for row in rows]
        scores = [w * enforce(reward, partial(part.show, texts, rows), samples) for w, reward, part in self._parts]
        return np.asarray(np.sum(scores, axis=0) + self._constant, np.float64)


class Draft(ABC):
    """One response while it is written: what is certain of it is counted once, the rest each time.

    A subclass gives :meth:`certain`, :meth:`reset`, :meth:`add` and :meth:`value`.
    """

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = ""
        self.reset()

    def score(self, text: str) -> float:
        """Return the score of a text, which commonly begins with the one before."""
        done = self.done
        if not text.startswith(done):
            self.reset()
            self.done = done = ""
        rest = text[len(done) :]
        end = self.certain(rest)
        if end:
            self.add(rest[:end])
            self.done = text[: len(done) + end]
            rest = rest[end:]
        return self.value(rest)

    @abstractmethod
    def certain(self, rest: str) -> int:
        """Return how many characters of what follows ``done`` count the same whatever comes after them."""

    @abstractmethod
    def reset(self) -> None:
        """Forget everything that was added."""

    @abstractmethod
    def add(self, text: str) -> None:
        """Count the next certain characters."""

    @abstractmethod
    def value(self, rest: str) -> float:
        """Return the score of everything added and ``rest``, without adding that."""


class WordsDraft(ABC):
    """One response while it is written, judged by words: the last word is open until white space follows it.

    Most of the time a word is judged as it stands and is complete with the next piece, so what it changed is kept then.
    A subclass gives :meth:`reset`, :meth:`add`, :meth:`open` and :meth:`drop`.
    """

    __slots__ = ("_value", "_word", "done")

    def __init__(self) -> None:
        self.done = ""
        self._word: str | None = None  # the open word, whose changes stand
        self._value = 0.0
        self.reset()

    def score(self, text: str) -> float:
        """Return the score of a text, which commonly begins with the one before."""
        done = self.done
        if not text.startswith(done):
            self.done, self._word, done = "", None, ""
            self.reset()
        rest = text[len(done) :]
        words = rest.split()
        word = words.pop() if words and not rest[-1].isspace() else ""
        if not words and word == self._word:
            return self._value
        if self._word is not None and (len(words) != 1 or words[0] != self._word):
            self.drop()
            self._word = None
        if words:
            if self._word is None:
                self.add(words)
            self.done = text[: len(text) - len(word)]
        self._word, self._value = word, self.open(word)
        return self._value

    @abstractmethod
    def reset(self) -> None:
        """Forget all words."""

    @abstractmethod
    def add(self, words: Sequence[str]) -> None:
        """Count complete words."""

    @abstractmethod
    def open(self, word: str) -> float:
        """Count a word, "" where there is none, that :meth:`drop` may take back; return the score."""

    @abstractmethod
    def drop(self) -> None:
        """Take back the word that was opened last."""


AnyDraft = Draft | WordsDraft


class Drafted(Progress):
    """Keeps a :class:`Draft` or :class:`WordsDraft` of each response.

    Args:
        drafts: Returns a draft for each of some samples; called when they are first scored.
        samples: The sample of each row.
    """

    def __init__(
        self, drafts: Callable[[Sequence[Sample]], Sequence[Draft | WordsDraft]], samples: Iterable[Sample]
    ) -> None:
        super().__init__(samples)
        self._make = drafts
        self._drafts: list[Any] = [None] * len(self.samples)
        self._missing = set(range(len(self.samples)))  # rows whose draft was not made yet

    def restart(self, rows: Iterable[int], samples: Iterable[Sample]) -> None:
        """Begin anew in ``rows``, each with its place in ``samples``."""
        rows = list(rows)
        super().restart(rows, samples)
        self._missing.update(rows)

    def _scores(self, texts: Sequence[str], rows: Sequence[int]) -> FloatArray:
        if self._missing:
            new = [row for row in dict.fromkeys(rows) if row in self._missing]
            for row, draft in zip(new, self._make([self.samples[row] for row in new]), strict=True):
                self._drafts[row] = draft
            self._missing.difference_update(new)
        drafts = self._drafts
        return np.array([drafts[row].score(text) for row, text in zip(rows, texts, strict=True)], np.float64)


def words_end(text: str) -> int:
    """Return where the last word begins that may still grow: after the last white space."""
    if not text or text[-1].isspace():
        return len(text)
    words = text.split()
    return len(text) - len(words[-1])


def characters_end(text: str) -> int:
    """Return where the replacement characters at the end begin, which may stand for a character that was cut."""
    return len(text.rstrip("\ufffd")) if text.endswith("\ufffd") else len(text)
