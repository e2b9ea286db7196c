"""Word and character error rates, equal to jiwer's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.edit_similarity import ColumnsDraft, distance
from textgym.rewards.error_rate import ErrorRate
from textgym.rewards.positions import Positions
from textgym.rewards.progress import Draft
from textgym.rewards.signature import signature

_SPACES = re.compile(r"\s\s+")


class LevenshteinRate(ErrorRate[list[Positions]]):
    """What both rates share: the Levenshtein distance to the reference, over its length; the lowest rate counts."""

    lowercase: bool = False

    def items(self, text: str) -> Sequence[str]:
        """Return what is counted."""
        raise NotImplementedError

    def prepare(self, references: tuple[str, ...]) -> list[Positions]:
        """Return the positions of each reference's items."""
        return [Positions(self.items(text)) for text in references]

    def count(self, response: str, prepared: list[Positions]) -> Sequence[float]:
        """Return [errors, length] of the reference with the lowest rate."""
        items = self.items(response)
        return _lowest([(distance(items, reference), reference.length) for reference in prepared])

    def _signature(self, level: str) -> str:
        case = "lc" if self.lowercase else "mixed"
        return signature(self.name, level, nrefs="var", case=case, tok="jiwer", value="1-rate")


@register_reward("wer")
@dataclass(frozen=True)
class WER(LevenshteinRate):
    """``max(0, 1 - WER)`` on [0, 1]: the words to insert, delete and substitute, over the words of the reference.

    As in jiwer, a single white space that is no blank is part of a word, and punctuation is too. ``rates`` gives WER.

    Args:
        lowercase: Whether case is ignored.
    """

    lowercase: bool = False

    def items(self, text: str) -> list[str]:
        """Return the words as jiwer's default transform cuts them."""
        text = _SPACES.sub(" ", text.lower() if self.lowercase else text).strip()
        return [word for word in text.split(" ") if word]

    @property
    def incremental(self) -> bool:
        """True: a column of the table follows from the one before."""
        return True

    def draft(self, prepared: list[Positions]) -> Draft:
        """Return a response that is scored while it is written."""
        return _WERDraft(self, prepared)


@register_reward("cer")
@dataclass(frozen=True)
class CER(LevenshteinRate):
    """``max(0, 1 - CER)`` on [0, 1]: the same over characters, white space included. ``rates`` gives CER.

    Args:
        lowercase: Whether case is ignored.
    """

    lowercase: bool = False

    def items(self, text: str) -> str:
        """Return the characters without the white space around them."""
        return (text.lower() if self.lowercase else text).strip()


def _lowest(pairs: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the (errors, length) of the lowest rate."""
    return pairs[0] if len(pairs) == 1 else min(pairs, key=lambda pair: (pair[0] / pair[1], pair[1]))


class _WERDraft(ColumnsDraft):
    __slots__ = ("_score",)

    def __init__(self, reward: WER, prepared: list[Positions]) -> None:
        self._score = reward.score
        super().__init__(reward.items, prepared)

    def certain(self, rest: str) -> int:
        return rest.rfind(" ") + 1  # no other white space ends a word by itself

    def value(self, rest: str) -> float:
        return self._score(_lowest(self.ends(self.items(rest))))
