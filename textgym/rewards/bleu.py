"""BLEU (Papineni et al., 2002), equal to sacrebleu's."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from textgym.errors import ConfigError, did_you_mean
from textgym.memo import Memo
from textgym.registration import register_reward
from textgym.rewards.counting import CountingReward
from textgym.rewards.ngrams import GrowingMatches, Ngrams
from textgym.rewards.progress import WordsDraft
from textgym.rewards.signature import signature
from textgym.rewards.tokenization import WORD_CHARACTERS, WORDWISE, load_tokenizer

ORDERS = 4  # by default
_JOINS = re.compile("-\n|<skipped>")  # what 13a removes or joins across words
SMOOTHING = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}  # methods with their default values


@register_reward("bleu")
@dataclass(frozen=True)
class BLEU(CountingReward[Ngrams]):
    """BLEU on [0, 1]; with several references n-gram counts are clipped by the greatest, the closest length counts.

    Corpus BLEU never uses the effective order, as in sacrebleu; both signatures say so.

    Args:
        tokenize: Any tokenizer of sacrebleu: "13a", "intl", "char", "zh", "none", ...
        smooth_method: "exp", "floor", "add-k" or "none" (Chen and Cherry, 2014, methods 3, 1, 2 and 0).
        smooth_value: The value of "floor" (0 to 1, default 0.1) and "add-k" (default 1).
        lowercase: Whether case is ignored.
        effective_order: Whether a response shorter than four tokens is judged by the orders that it has.
        max_ngram_order: The greatest order of n-grams.
    """

    tokenize: str = "13a"
    smooth_method: str = "exp"
    smooth_value: float | None = None
    lowercase: bool = False
    effective_order: bool = True
    max_ngram_order: int = ORDERS

    scale = 100.0
    remembered = 2**19  # n-grams take four times the memory of words

    def __post_init__(self) -> None:
        if self.smooth_method not in SMOOTHING:
            raise ConfigError(
                f"BLEU has no smooth_method {self.smooth_method!r}. {did_you_mean(self.smooth_method, SMOOTHING)}"
            )
        if not isinstance(self.max_ngram_order, int) or self.max_ngram_order < 1:
            raise ConfigError(f"BLEU needs a whole max_ngram_order of at least 1, got {self.max_ngram_order!r}.")
        value = self.smooth_value
        if value is not None and SMOOTHING[self.smooth_method] is None:
            raise ConfigError(f"smooth_value is for 'floor' and 'add-k' only: {self.smooth_method!r} takes none.")
        if value is not None and not 0 <= value <= (1 if self.smooth_method == "floor" else sys.float_info.max):
            raise ConfigError(f"smooth_value must be at least 0 (and at most 1 for 'floor'), got {value}.")
        _ = self._tokenizer  # so that what a tokenizer lacks is told when the reward is made

    @property
    def width(self) -> int:
        """K: two lengths, and two counts for each order."""
        return 2 + 2 * self.max_ngram_order

    def prepare(self, references: tuple[str, ...]) -> Ngrams:
        """Return the n-grams of the references."""
        return Ngrams(self.max_ngram_order, *map(self._tokens, references))

    def count(self, response: str, prepared: Ngrams) -> Sequence[float]:
        """Return [response length, closest reference length, matches of each order, n-grams of each order]."""
        tokens = self._tokens(response)
        length, orders = len(tokens), self.max_ngram_order
        totals = [max(length - n, 0) for n in range(orders)]
        return [length, _closest(prepared.lengths, length), *prepared.matches(tokens), *totals]

    def score(self, counts: Sequence[float], corpus: bool = False) -> float:
        """Return BLEU = BP * exp(mean of log p_n), with p_n smoothed (Papineni et al., 2002, section 2.3)."""
        length, closest, middle = counts[0], counts[1], 2 + self.max_ngram_order
        if not any(counts[2:middle]):
            return 0.0
        penalty = math.exp(1 - closest / length) if length < closest else 1.0
        precisions = self._precisions(counts[2:middle], counts[middle:])
        order = len(precisions) if self.effective_order and not corpus else self.max_ngram_order
        if len(precisions) < order or not all(precisions):
            return 0.0
        return penalty * math.exp(sum(map(math.log, precisions)) / order)

    @property
    def incremental(self) -> bool:
        """Whether the tokenizer looks at one word at a time, so that what was written stays as it was cut."""
        return self.tokenize in WORDWISE

    def draft(self, prepared: Ngrams) -> WordsDraft:
        """Return a response that is scored while it is written."""
        return _BLEUDraft(self, prepared)

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

    def compare(self, response: str, prepared: Ngrams) -> float:
        """Return the score of one response."""
        tokens = self._tokens(response)
        return self._of_sentence(_closest(prepared.lengths, len(tokens)), len(tokens), prepared.matches(tokens))

    @cached_property
    def _of_sentence(self) -> Callable[[int, int, Sequence[int]], float]:
        """What :meth:`score` gives for (closest length, length, matches of each order) of one response.

        It is asked after every token: options are looked up once, and the numbers of n-grams follow from the length.
        """
        orders, effective = self.max_ngram_order, self.effective_order
        method, value, log, exp = self.smooth_method, self._value, math.log, math.exp
        halve, floor = method == "exp", value if method == "floor" else 0.0
        added = value if method == "add-k" else 0.0

        def score(closest: int, length: int, matches: Sequence[int]) -> float:
            if not matches[0]:
                return 0.0  # no longer n-gram matches then
            total_log, halving, n = 0.0, 1.0, 0
            for count in matches:
                match: float = count
                total: float = length - n
                if added and n:
                    match, total = match + added, max(total, 0) + added
                if total <= 0:
                    break
                if not match:
                    halving *= 2
                    match = 1 / halving if halve else floor
                    if not match:
                        return 0.0
                total_log += log(match / total)
                n += 1
            order = n if effective else orders
            if n < order:
                return 0.0
            return (exp(1 - closest / length) if length < closest else 1.0) * exp(total_log / order)

        return score

    @cached_property
    def _words(self) -> Memo[str, list[str]]:
        """The tokens of a word, where the tokenizer looks at one at a time."""
        return Memo(self._tokens, WORD_CHARACTERS)

    def _tokens(self, text: str) -> list[str]:
        text = text.lower() if self.lowercase else text
        return self._tokenizer[0](text.rstrip())

    @cached_property
    def _tokenizer(self) -> tuple[Callable[[str], list[str]], str]:
        return load_tokenizer(self.tokenize)

    @cached_property
    def _value(self) -> float:
        return self.smooth_value if self.smooth_value is not None else SMOOTHING[self.smooth_method] or 0.0

    def _signature(self, level: str) -> str:
        effective = self.effective_order and level == "sentence"
        smooth = self.smooth_method + (f"[{self._value:.2f}]" if SMOOTHING[self.smooth_method] else "")
        fields: dict[str, object] = {"case": "lc" if self.lowercase else "mixed", "eff": effective}
        fields |= {"tok": self._tokenizer[1], "smooth": smooth}
        if self.max_ngram_order != ORDERS:  # sacrebleu's signature leaves it out
            fields["order"] = self.max_ngram_order
        return signature("bleu", level, "sacrebleu", nrefs="var", **fields)


def _closest(lengths: Sequence[int], length: int) -> int:
    """Return the closest of the references' lengths; of two that are equally close the shorter."""
    return lengths[0] if len(lengths) == 1 else min(lengths, key=lambda other: (abs(length - other), other))


class _BLEUDraft(WordsDraft):
    """The matches of the words so far."""

    __slots__ = ("_lengths", "_matches", "_only", "_prepared", "_reward", "_score", "_words")

    def __init__(self, reward: BLEU, prepared: Ngrams) -> None:
        self._reward, self._prepared, self._lengths = reward, prepared, prepared.lengths
        self._only = self._lengths[0] if len(self._lengths) == 1 else 0
        self._words, self._score = reward._words, reward._of_sentence
        super().__init__()

    def score(self, text: str) -> float:
        # 13a removes "<skipped>", and joins what stands on both sides of "-\n"; any other line end is white space
        if ("\n" in text or "<" in text) and self._reward.tokenize == "13a" and _JOINS.search(text):
            return self._reward.compare(text, self._prepared) if text.strip() else 0.0
        return super().score(text)

    def reset(self) -> None:
        self._matches = GrowingMatches(self._prepared)

    def add(self, words: Sequence[str]) -> None:
        for word in words:
            self._matches.take(self._words[word])

    def open(self, word: str) -> float:
        matches = self._matches
        matches.open(self._words[word])
        length = matches.length
        return self._score(self._only or _closest(self._lengths, length), length, matches.matches)

    def drop(self) -> None:
        self._matches.drop()
