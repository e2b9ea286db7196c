"""How few edits turn a response into a reference."""

from __future__ import annotations

from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.positions import Positions
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
        return max(1 - distance(text, other) / max(len(text), other.lengths[0]) for other in prepared)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("edit_similarity", "sentence", nrefs="var", case="lc" if self.lowercase else "mixed")

    def _case(self, text: str) -> str:
        return text.lower() if self.lowercase else text


def distance(text: str, reference: Positions) -> int:
    """Return the Levenshtein distance to one reference of at least one character.

    ``up`` and ``down`` hold where a column of the dynamic-programming table rises and falls by one (Myers, 1999, "A
    fast bit-vector algorithm for approximate string matching", in the form of Hyyrö, 2003, figure 3).
    """
    length = reference.lengths[0]
    full = (1 << length) - 1
    last = 1 << length - 1
    up, down, total = full, 0, length
    for character in text:
        match = reference.where.get(character, 0)
        diagonal = ((match & up) + up ^ up) | match | down
        right_up = down | full & ~(diagonal | up)
        right_down = diagonal & up
        total += bool(right_up & last) - bool(right_down & last)
        right_up = right_up << 1 | 1
        up = (right_down << 1 | ~(diagonal | right_up)) & full
        down = right_up & diagonal & full
    return total
