"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin, 2004), equal to rouge_score's F-measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from textgym.errors import ConfigError, did_you_mean
from textgym.memo import Memo
from textgym.registration import register_reward
from textgym.rewards.ngrams import GrowingMatches, Ngrams
from textgym.rewards.positions import Positions
from textgym.rewards.progress import WordsDraft
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature
from textgym.rewards.stems import rouge_stems
from textgym.rewards.unicode_words import unicode_words

P = TypeVar("P")
R = TypeVar("R")  # one prepared reference
TOKENIZERS = ("ascii", "unicode")
WORD_CHARACTERS = 2**20  # of the words whose tokens are remembered
_TOKEN = re.compile("[a-z0-9]+")


class TokenRouge(ReferenceReward[P]):
    """What the ROUGE metrics share: their tokens. The corpus score is the mean of the sentence scores.

    With rouge_score's tokenizer, "ascii", only ASCII letters and digits make tokens, and any other script scores 0;
    "unicode" is :func:`textgym.rewards.unicode_words.unicode_words`.
    """

    use_stemmer: bool = False
    tokenize: str = "ascii"

    def __post_init__(self) -> None:
        if self.tokenize not in TOKENIZERS:
            nearest = did_you_mean(str(self.tokenize), TOKENIZERS)
            raise ConfigError(f"ROUGE has no tokenizer {self.tokenize!r}. {nearest}")

    @property
    def signature(self) -> str:
        """The signature of the sentence score."""
        return signature(
            self.name,
            "sentence",
            "rouge-score",
            nrefs="var",
            case="lc",
            tok=self.tokenize,
            stem=self.use_stemmer,
            value="f1",
        )

    def tokens(self, text: str) -> list[str]:
        """Return the words in lower case, stemmed when longer than three characters."""
        words = _TOKEN.findall(text.lower()) if self.tokenize == "ascii" else unicode_words(text)
        return list(map(rouge_stems().__getitem__, words)) if self.use_stemmer else words


class Rouge(TokenRouge[list[R]]):
    """ROUGE of a text taken as one sequence of tokens: the best F-measure over the references."""

    @property
    def incremental(self) -> bool:
        """True: a word's tokens do not depend on other words."""
        return True

    @cached_property
    def _words(self) -> Memo[str, list[str]]:
        """The tokens of a word."""
        return Memo(self.tokens, WORD_CHARACTERS)


@dataclass(frozen=True)
class RougeN(Rouge[Ngrams]):
    """The F-measure of n-gram overlap (Lin, 2004, section 2)."""

    use_stemmer: bool = False
    tokenize: str = "ascii"
    order: ClassVar[int]

    def prepare(self, references: tuple[str, ...]) -> list[Ngrams]:
        """Return the n-grams of each reference."""
        return [Ngrams(self.order, self.tokens(text)) for text in references]

    def compare(self, response: str, prepared: list[Ngrams]) -> float:
        """Return the best F-measure."""
        tokens = self.tokens(response)
        before = self.order - 1  # a text has so many n-grams less than tokens
        return max(
            f_measure(text.matches(tokens)[-1], len(tokens) - before, text.lengths[0] - before) for text in prepared
        )

    def draft(self, prepared: list[Ngrams]) -> WordsDraft:
        """Return a response that is scored while it is written."""
        return _RougeNDraft(self, prepared)


@register_reward("rouge1")
class Rouge1(RougeN):
    """ROUGE-1 on [0, 1]: shared words.

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
        tokenize: "ascii", as rouge_score does, or "unicode", which knows every script.
    """

    order = 1


@register_reward("rouge2")
class Rouge2(RougeN):
    """ROUGE-2 on [0, 1]: shared pairs of neighbouring words.

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
        tokenize: "ascii", as rouge_score does, or "unicode", which knows every script.
    """

    order = 2


@register_reward("rougeL")
@dataclass(frozen=True)
class RougeL(Rouge[Positions]):
    """ROUGE-L on [0, 1]: the longest common subsequence of words (Lin, 2004, section 3).

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
        tokenize: "ascii", as rouge_score does, or "unicode", which knows every script.
    """

    use_stemmer: bool = False
    tokenize: str = "ascii"

    def prepare(self, references: tuple[str, ...]) -> list[Positions]:
        """Return the positions of each reference's tokens."""
        return [Positions(self.tokens(text)) for text in references]

    def compare(self, response: str, prepared: list[Positions]) -> float:
        """Return the best F-measure."""
        tokens = self.tokens(response)
        return max([f_measure(common_length(tokens, text), len(tokens), text.length) for text in prepared])

    def draft(self, prepared: list[Positions]) -> WordsDraft:
        """Return a response that is scored while it is written."""
        return _RougeLDraft(self, prepared)


def common_length(tokens: Sequence[str], reference: Positions) -> int:
    """Return the length of the longest common subsequence of ``tokens`` and one reference.

    A zero bit of the row marks a step of the dynamic-programming row (Hyyrö, 2004, "Bit-parallel LCS-length
    computation revisited").
    """
    full = (1 << reference.length) - 1
    return (full & ~next_row(full, tokens, reference)).bit_count()


def next_row(row: int, tokens: Sequence[str], reference: Positions) -> int:
    """Return the row that follows ``row``, all ones at first, after further tokens."""
    for bits in filter(None, map(reference.where.get, tokens)):
        hit = row & bits
        row = row + hit | row - hit  # what is carried beyond the length never comes back
    return row


def f_measure(matches: int, responded: int, expected: int) -> float:
    """Return the harmonic mean of ``matches / responded`` and ``matches / expected``, 0 where nothing matches."""
    if not matches:
        return 0.0
    precision, recall = matches / responded, matches / expected
    return 2 * precision * recall / (precision + recall)


class _RougeDraft(WordsDraft, Generic[R]):
    """The tokens of the words so far, against each reference."""

    __slots__ = ("_prepared", "_words")

    def __init__(self, reward: Rouge[R], prepared: list[R]) -> None:
        self._prepared, self._words = prepared, reward._words
        super().__init__()


class _RougeNDraft(_RougeDraft[Ngrams]):
    __slots__ = ("_matches",)

    def reset(self) -> None:
        self._matches = list(map(GrowingMatches, self._prepared))

    def add(self, words: Sequence[str]) -> None:
        for matches in self._matches:
            for word in words:
                matches.take(self._words[word])

    def open(self, word: str) -> float:
        tokens, best = self._words[word], 0.0
        for matches, reference in zip(self._matches, self._prepared, strict=True):
            matches.open(tokens)
            before = len(matches.matches) - 1  # a text has so many n-grams less than tokens
            best = max(best, f_measure(matches.matches[-1], matches.length - before, reference.lengths[0] - before))
        return best

    def drop(self) -> None:
        for matches in self._matches:
            matches.drop()


class _RougeLDraft(_RougeDraft[Positions]):
    __slots__ = ("_before", "_full", "_length", "_rows")

    def reset(self) -> None:
        self._length = 0
        self._rows = self._full = [(1 << reference.length) - 1 for reference in self._prepared]

    def add(self, words: Sequence[str]) -> None:
        for word in words:
            self._take(self._words[word])

    def _take(self, tokens: list[str]) -> None:
        if tokens:
            self._length += len(tokens)
            rows = zip(self._rows, self._full, self._prepared, strict=True)
            self._rows = [next_row(row, tokens, reference) & full for row, full, reference in rows]

    def open(self, word: str) -> float:
        self._before = self._length, self._rows
        self._take(self._words[word])
        best = 0.0
        for row, full, reference in zip(self._rows, self._full, self._prepared, strict=True):
            best = max(best, f_measure((full & ~row).bit_count(), self._length, reference.length))
        return best

    def drop(self) -> None:
        self._length, self._rows = self._before
