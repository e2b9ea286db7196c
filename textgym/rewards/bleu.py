"""BLEU (Papineni et al., 2002), equal to sacrebleu's."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_reward
from textgym.rewards.counting import CountingReward
from textgym.rewards.positions import Positions
from textgym.rewards.signature import signature
from textgym.rewards.tokenization import load_tokenizer

ORDERS = 4
SMOOTHING = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}  # methods with their default values


@register_reward("bleu")
@dataclass(frozen=True)
class BLEU(CountingReward[Positions]):
    """BLEU on [0, 1]; with several references n-gram counts are clipped by the greatest, the closest length counts.

    Corpus BLEU never uses the effective order, as in sacrebleu; both signatures say so.

    Args:
        tokenize: Any tokenizer of sacrebleu: "13a", "intl", "char", "zh", "none", ...
        smooth_method: "exp", "floor", "add-k" or "none" (Chen and Cherry, 2014, methods 3, 1, 2 and 0).
        smooth_value: The value of "floor" (0 to 1, default 0.1) and "add-k" (default 1).
        lowercase: Whether case is ignored.
        effective_order: Whether a response shorter than four tokens is judged by the orders that it has.
    """

    tokenize: str = "13a"
    smooth_method: str = "exp"
    smooth_value: float | None = None
    lowercase: bool = False
    effective_order: bool = True

    scale = 100.0

    def __post_init__(self) -> None:
        if self.smooth_method not in SMOOTHING:
            raise ConfigError(
                f"BLEU has no smooth_method {self.smooth_method!r}. {did_you_mean(self.smooth_method, SMOOTHING)}"
            )
        value = self.smooth_value
        if value is not None and SMOOTHING[self.smooth_method] is None:
            raise ConfigError(f"smooth_value is for 'floor' and 'add-k' only: {self.smooth_method!r} takes none.")
        if value is not None and not 0 <= value <= (1 if self.smooth_method == "floor" else sys.float_info.max):
            raise ConfigError(f"smooth_value must be at least 0 (and at most 1 for 'floor'), got {value}.")
        _ = self._tokenizer  # so that what a tokenizer lacks is told when the reward is made

    @property
    def width(self) -> int:
        """K: two lengths, and two counts for each order."""
        return 2 + 2 * ORDERS

    def prepare(self, references: tuple[str, ...]) -> Positions:
        """Return the positions of the references' tokens."""
        return Positions(*map(self._tokens, references))

    def count(self, response: str, prepared: Positions) -> Sequence[float]:
        """Return [response length, closest reference length, matches of orders 1 to 4, n-grams of orders 1 to 4]."""
        tokens = self._tokens(response)
        length = len(tokens)
        # of two lengths that are equally close the shorter is taken
        closest = min(prepared.lengths, key=lambda other: (abs(length - other), other))
        totals = [max(length - n, 0) for n in range(ORDERS)]
        return [length, closest, *prepared.matches(tokens, ORDERS), *totals]

    def score(self, counts: Sequence[float], corpus: bool = False) -> float:
        """Return BLEU = BP * exp(mean of log p_n), with p_n smoothed (Papineni et al., 2002, section 2.3)."""
        length, closest = counts[0], counts[1]
        if not any(counts[2:6]):
            return 0.0
        penalty = math.exp(1 - closest / length) if length < closest else 1.0
        precisions = self._precisions(counts[2:6], counts[6:])
        order = len(precisions) if self.effective_order and not corpus else ORDERS
        if len(precisions) < order or not all(precisions):
            return 0.0
        return penalty * math.exp(sum(map(math.log, precisions)) / order)

    @property
    def signature(self) -> str:
        """The signature of the sentence score."""
        return self._signature("sentence", self.effective_order)

    @property
    def corpus_signature(self) -> str:
        """The signature of the corpus score."""
        return self._signature("corpus", False)

    def _precisions(self, matches: Sequence[float], totals: Sequence[float]) -> list[float]:
        """Return the smoothed precisions of the orders that have any n-gram, as sacrebleu's compute_bleu."""
        halving = 1.0
        precisions = []
        for i, (match, total) in enumerate(zip(matches, totals, strict=True)):
            if self.smooth_method == "add-k" and i:
                match, total = match + self._value, total + self._value
            if not total:
                break
            if not match and self.smooth_method == "exp":
                halving *= 2
                match = 1 / halving
            elif not match and self.smooth_method == "floor":
                match = self._value
            precisions.append(match / total)
        return precisions

    def _tokens(self, text: str) -> list[str]:
        text = text.lower() if self.lowercase else text
        return self._tokenizer[0](text.rstrip())

    @cached_property
    def _tokenizer(self) -> tuple[Callable[[str], list[str]], str]:
        return load_tokenizer(self.tokenize)

    @cached_property
    def _value(self) -> float:
        return self.smooth_value if self.smooth_value is not None else SMOOTHING[self.smooth_method] or 0.0

    def _signature(self, level: str, effective: bool) -> str:
        smooth = self.smooth_method + (f"[{self._value:.2f}]" if SMOOTHING[self.smooth_method] else "")
        case = "lc" if self.lowercase else "mixed"
        return signature(
            "bleu", level, "sacrebleu", nrefs="var", case=case, eff=effective, tok=self._tokenizer[1], smooth=smooth
        )
