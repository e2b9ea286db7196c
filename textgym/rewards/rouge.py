"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin, 2004), equal to rouge_score's F-measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import ClassVar

from textgym.registration import register_reward
from textgym.rewards.memo import Memo
from textgym.rewards.positions import Positions
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature

WORD_CHARACTERS = 2**20  # of the words whose stems are remembered
_TOKEN = re.compile("[a-z0-9]+")


class Rouge(ReferenceReward[list[Positions]]):
    """What the ROUGE metrics share: their tokens, and the best F-measure over the references.

    Only ASCII letters and digits make tokens: other scripts score 0 (use chrf for them). The corpus score is the
    mean of the sentence scores.
    """

    use_stemmer: bool = False

    @property
    def signature(self) -> str:
        """The signature of the sentence score."""
        return signature(
            self.name, "sentence", "rouge-score", nrefs="var", case="lc", stem=self.use_stemmer, value="f1"
        )

    def prepare(self, references: tuple[str, ...]) -> list[Positions]:
        """Return the positions of each reference's tokens."""
        return [Positions(self.tokens(text)) for text in references]

    def tokens(self, text: str) -> list[str]:
        """Return the runs of ASCII letters and digits, in lower case, stemmed when longer than three."""
        words = _TOKEN.findall(text.lower())
        return list(map(_stems().__getitem__, words)) if self.use_stemmer else words


@dataclass(frozen=True)
class RougeN(Rouge):
    """The F-measure of n-gram overlap (Lin, 2004, section 2)."""

    use_stemmer: bool = False
    order: ClassVar[int]

    def compare(self, response: str, prepared: list[Positions]) -> float:
        """Return the best F-measure."""
        tokens = self.tokens(response)
        before = self.order - 1  # a text has so many n-grams less than tokens
        return max(
            _f_measure(text.matches(tokens, self.order)[-1], len(tokens) - before, text.lengths[0] - before)
            for text in prepared
        )


@register_reward("rouge1")
class Rouge1(RougeN):
    """ROUGE-1 on [0, 1]: shared words.

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
    """

    order = 1


@register_reward("rouge2")
class Rouge2(RougeN):
    """ROUGE-2 on [0, 1]: shared pairs of neighbouring words.

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
    """

    order = 2


@register_reward("rougeL")
@dataclass(frozen=True)
class RougeL(Rouge):
    """ROUGE-L on [0, 1]: the longest common subsequence of words (Lin, 2004, section 3).

    Args:
        use_stemmer: Whether words are compared by their Porter stems.
    """

    use_stemmer: bool = False

    def compare(self, response: str, prepared: list[Positions]) -> float:
        """Return the best F-measure."""
        tokens = self.tokens(response)
        return max([_f_measure(common_length(tokens, text), len(tokens), text.lengths[0]) for text in prepared])


def common_length(tokens: Sequence[str], reference: Positions) -> int:
    """Return the length of the longest common subsequence of ``tokens`` and one reference.

    A zero bit of ``row`` marks a step of the dynamic-programming row (Hyyrö, 2004, "Bit-parallel LCS-length
    computation revisited").
    """
    full = row = (1 << reference.lengths[0]) - 1
    for bits in filter(None, map(reference.where.get, tokens)):
        hit = row & bits
        row = row + hit | row - hit  # what is carried beyond the length never comes back
    return (full & ~row).bit_count()


def _f_measure(matches: int, responded: int, expected: int) -> float:
    if not matches:
        return 0.0
    precision, recall = matches / responded, matches / expected
    return 2 * precision * recall / (precision + recall)


@lru_cache(maxsize=1)
def _stems() -> Memo[str, str]:
    stem = import_module("nltk.stem.porter").PorterStemmer().stem  # heavy, and a dependency of rouge_score
    return Memo(lambda word: str(stem(word)) if len(word) > 3 else word, WORD_CHARACTERS)
