"""How few edits turn a response into a reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.positions import Positions
from textgym.rewards.progress import Draft, characters_end, words_end
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature


@register_reward("edit_similarity")
@dataclass(frozen=True)
class EditSimilarity(ReferenceReward[list[Positions]]):
    """1 - d / n on [0, 1], d the Levenshtein distance over characters, n the longer length; the best reference counts.

    Args:
        lowercase: Whether case is ignored.
    """

    lowercase: bool = False

    def prepare(self, references: tuple[str, ...]) -> list[Positions]:
        """Return the positions of each reference's characters."""
        return [Positions(self._case(text)) for text in references]

    def compare(self, response: str, prepared: list[Positions]) -> float:
        """Return the best similarity."""
        text = self._case(response)
        return max(1 - distance(text, other) / max(len(text), other.length) for other in prepared)

    @property
    def incremental(self) -> bool:
        """True: a column of the table follows from the one before."""
        return True

    def draft(self, prepared: list[Positions]) -> Draft:
        """Return a response that is scored while it is written."""
        return _EditDraft(self, prepared)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("edit_similarity", "sentence", nrefs="var", case="lc" if self.lowercase else "mixed")

    def _case(self, text: str) -> str:
        return text.lower() if self.lowercase else text


def distance(text: Sequence[str], reference: Positions) -> int:
    """Return the Levenshtein distance to one reference of at least one item."""
    return next_column(first_column(reference), text, reference)[2]


Column = tuple[int, int, int]  # bits where it rises by one, bits where it falls by one, its last value


def first_column(reference: Positions) -> Column:
    """Return the first column of the dynamic-programming table, that of no text."""
    length = reference.length
    return (1 << length) - 1, 0, length


def next_column(column: Column, text: Sequence[str], reference: Positions) -> Column:
    """Return the column that follows after further text.

    ``up`` and ``down`` hold where a column of the table rises and falls by one (Myers, 1999, "A fast bit-vector
    algorithm for approximate string matching", in the form of Hyyrö, 2003, figure 3).
    """
    up, down, total = column
    length = reference.length
    full = (1 << length) - 1
    last = 1 << length - 1
    for item in text:
        match = reference.where.get(item, 0)
        diagonal = ((match & up) + up ^ up) | match | down
        right_up = down | full & ~(diagonal | up)
        right_down = diagonal & up
        total += bool(right_up & last) - bool(right_down & last)
        right_up = right_up << 1 | 1
        up = (right_down << 1 | ~(diagonal | right_up)) & full
        down = right_up & diagonal & full
    return up, down, total


class ColumnsDraft(Draft):
    """What the distances share: the column of the items that are certain, against each reference."""

    __slots__ = ("columns", "items", "length", "prepared")

    def __init__(self, items: Callable[[str], Sequence[str]], prepared: list[Positions]) -> None:
        self.items, self.prepared = items, prepared
        super().__init__()

    def reset(self) -> None:
        """Forget everything that was added."""
        self.length = 0
        self.columns = list(map(first_column, self.prepared))

    def add(self, text: str) -> None:
        """Go on to the column after the next certain characters."""
        items = self.items(text)
        self.length += len(items)
        pairs = zip(self.columns, self.prepared, strict=True)
        self.columns = [next_column(column, items, reference) for column, reference in pairs]

    def ends(self, items: Sequence[str]) -> list[tuple[int, int]]:
        """Return for each reference (distance, length) with further items."""
        pairs = zip(self.columns, self.prepared, strict=True)
        return [(next_column(column, items, reference)[2], reference.length) for column, reference in pairs]


class _EditDraft(ColumnsDraft):
    __slots__ = ("_blank", "_lowercase")

    def __init__(self, reward: EditSimilarity, prepared: list[Positions]) -> None:
        self._lowercase = reward.lowercase
        super().__init__(reward._case, prepared)

    def certain(self, rest: str) -> int:
        # what case a character has may depend on the rest of its word
        return words_end(rest) if self._lowercase else characters_end(rest)

    def reset(self) -> None:
        super().reset()
        self._blank = True

    def add(self, text: str) -> None:
        super().add(text)
        self._blank = self._blank and text.isspace()

    def value(self, rest: str) -> float:
        if self._blank and not rest.strip():
            return 0.0
        items = self.items(rest)
        length = self.length + len(items)
        return max([1 - errors / max(length, other) for errors, other in self.ends(items)])
