"""Whether a response equals a reference."""

from __future__ import annotations

from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature


@register_reward("exact_match")
@dataclass(frozen=True)
class ExactMatch(ReferenceReward[frozenset[str]]):
    """1 where the response equals a reference, 0 elsewhere; a run of white space equals one space.

    Args:
        lowercase: Whether case is ignored.
    """

    lowercase: bool = False

    def prepare(self, references: tuple[str, ...]) -> frozenset[str]:
        """Return the normalised references."""
        return frozenset(map(self._normalise, references))

    def compare(self, response: str, prepared: frozenset[str]) -> float:
        """Return 1 or 0."""
        return float(self._normalise(response) in prepared)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("exact_match", "sentence", nrefs="var", case="lc" if self.lowercase else "mixed")

    def _normalise(self, text: str) -> str:
        return " ".join((text.lower() if self.lowercase else text).split())
