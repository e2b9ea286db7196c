"""Whether the final number of a worked solution is right, as the GSM8K benchmark judges it (Cobbe et al., 2021)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from textgym.registration import register_reward
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature

ANSWER = re.compile(r"####\s*\$?\s*(-?[0-9.,]{1,100})")


@register_reward("final_answer")
@dataclass(frozen=True)
class FinalAnswer(ReferenceReward[frozenset[Decimal]]):
    """1 where the number after the last ``####`` of the response is that of a reference, 0 elsewhere.

    Commas, a dollar sign and a final full stop do not count, and 5.0 is 5. A reference without ``####`` is the number
    itself. Unlike the benchmark's own script, which takes the first mark, the last one counts: what a response says
    last is its answer. Nothing is evaluated.
    """

    def prepare(self, references: tuple[str, ...]) -> frozenset[Decimal]:
        """Return the numbers of the references, those that have one."""
        numbers = (number_of(text if "####" in text else f"#### {text.strip()}") for text in references)
        return frozenset(number for number in numbers if number is not None)

    def compare(self, response: str, prepared: frozenset[Decimal]) -> float:
        """Return 1 or 0."""
        return float(number_of(response) in prepared)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("final_answer", "sentence", nrefs="var", mark="####")


def number_of(text: str) -> Decimal | None:
    """Return the number after the last mark; None where there is none."""
    found = ANSWER.findall(text)
    try:
        return Decimal(found[-1].replace(",", "").rstrip(".")) if found else None
    except InvalidOperation:  # such as 1.2.3
        return None
