"""TER (Snover et al., 2006), equal to sacrebleu's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

from textgym.registration import register_reward
from textgym.rewards.error_rate import ErrorRate
from textgym.rewards.shifts import Target
from textgym.rewards.signature import signature


@register_reward("ter")
@dataclass(frozen=True)
class TER(ErrorRate[list[Target]]):
    """``max(0, 1 - TER)`` on [0, 1]: insertions, deletions, substitutions and shifts over the words of the reference.

    Of several references, the one with the fewest edits counts, divided by the mean length. ``rates`` gives TER.

    Args:
        normalized: Whether punctuation is split off and entities are resolved, as Tercom does.
        no_punct: Whether punctuation is left out.
        asian_support: Whether these two also know the characters and punctuation of Chinese and Japanese.
        case_sensitive: Whether case counts.
    """

    normalized: bool = False
    no_punct: bool = False
    asian_support: bool = False
    case_sensitive: bool = False

    def prepare(self, references: tuple[str, ...]) -> list[Target]:
        """Return the words of each reference; sacrebleu cuts references twice, which may split one more ``'s`` off."""
        return [Target(self._tokenized(self._tokenized(text)).split()) for text in references]

    def count(self, response: str, prepared: list[Target]) -> Sequence[float]:
        """Return [the fewest edits, the mean length of the references]."""
        words = self._tokenized(response).split()
        edits = min(target.edits(words) for target in prepared)
        return [edits, sum(len(target.words) for target in prepared) / len(prepared)]

    def _tokenized(self, text: str) -> str:
        text = text.rstrip()
        if self.normalized or self.no_punct:
            return self._tokenizer(text)
        return text if self.case_sensitive else text.lower()

    @cached_property
    def _tokenizer(self) -> Callable[[str], str]:
        make = import_module("sacrebleu.tokenizers.tokenizer_ter").TercomTokenizer
        tokenizer: Callable[[str], str] = make(
            self.normalized, self.no_punct, self.asian_support, self.case_sensitive
        ).__call__
        return tokenizer

    def _signature(self, level: str) -> str:
        return signature(
            "ter",
            level,
            "sacrebleu",
            nrefs="var",
            case="mixed" if self.case_sensitive else "lc",
            tok="tercom",
            norm=self.normalized,
            punct=not self.no_punct,
            asian=self.asian_support,
            value="1-rate",
        )
