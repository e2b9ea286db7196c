"""chrF (Popović, 2015) and chrF++ (Popović, 2017), equal to sacrebleu's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from textgym.errors import ConfigError
from textgym.registration import register_reward
from textgym.rewards.counting import CountingReward
from textgym.rewards.growing_grams import GrowingGrams
from textgym.rewards.progress import Draft, characters_end, words_end
from textgym.rewards.signature import signature

Grams = list[Hashable]
EPSILON = 1e-16
PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@register_reward("chrf")
@dataclass(frozen=True)
class CHRF(CountingReward[list[list[Counter[Hashable]]]]):
    """chrF on [0, 1]: the F-score of character n-grams, and of word n-grams with ``word_order=2``, which is chrF++.

    With several references, the one of the best F-score counts.

    Args:
        char_order: The greatest order of character n-grams.
        word_order: The greatest order of word n-grams.
        beta: How many times recall weighs as much as precision.
        eps_smoothing: Smooth by 1e-16 as chrF++.py, NLTK and Moses do, instead of leaving out orders without n-grams.
        lowercase: Whether case is ignored.
        whitespace: Whether white space counts as characters.
    """

    char_order: int = 6
    word_order: int = 0
    beta: float = 2
    eps_smoothing: bool = False
    lowercase: bool = False
    whitespace: bool = False

    scale = 100.0
    remembered = 2**17  # n-grams of characters take 20 times the memory of words

    def __post_init__(self) -> None:
        orders = (self.char_order, self.word_order)
        if not all(isinstance(order, int) for order in orders) or self.char_order < 1 or self.word_order < 0:
            raise ConfigError(f"chrF needs whole orders, char_order >= 1 and word_order >= 0, got {orders}.")
        if not 0 < self.beta < float("inf"):
            raise ConfigError(f"chrF needs a positive beta, got {self.beta}.")

    @property
    def width(self) -> int:
        """K: for each order the n-grams of the response, those of the reference, and the matches."""
        return 3 * (self.char_order + self.word_order)

    def prepare(self, references: tuple[str, ...]) -> list[list[Counter[Hashable]]]:
        """Return the n-grams of each reference, by order."""
        return [[Counter(grams) for grams in self._grams(text)] for text in references]

    def count(self, response: str, prepared: list[list[Counter[Hashable]]]) -> Sequence[float]:
        """Return the counts against the best reference: (n-grams, reference n-grams, matches) for each order."""
        grams = self._grams(response)
        candidates = [_counts(grams, reference) for reference in prepared]
        return candidates[0] if len(candidates) == 1 else max(candidates, key=self.score)

    def score(self, counts: Sequence[float], corpus: bool = False) -> float:
        """Return F_beta of the precision and recall averaged over the orders (Popović, 2015, equation 1)."""
        orders = list(zip(counts[0::3], counts[1::3], counts[2::3], strict=True))
        if self.eps_smoothing:
            scores = [self._f(m / h if h else EPSILON, m / r if r else EPSILON) for h, r, m in orders]
            return sum(scores) / len(orders)
        present = [(m / h, m / r) for h, r, m in orders if h and r]
        if not present:
            return 0.0
        return self._f(sum(p for p, _ in present) / len(present), sum(r for _, r in present) / len(present))

    @property
    def incremental(self) -> bool:
        """True: n-grams that were complete stay."""
        return True

    def draft(self, prepared: list[list[Counter[Hashable]]]) -> Draft:
        """Return a response that is scored while it is written."""
        return _CHRFDraft(self, prepared)

    def _f(self, precision: float, recall: float) -> float:
        factor = self.beta**2
        denominator = factor * precision + recall
        if not denominator:
            return EPSILON if self.eps_smoothing else 0.0
        return (1 + factor) * precision * recall / denominator

    def _grams(self, text: str) -> list[Grams]:
        letters, words = self._pieces(text)
        grams = [_substrings(letters, n) for n in range(1, self.char_order + 1)]
        return grams + [_tuples(words, n) for n in range(1, self.word_order + 1)]

    def _pieces(self, text: str) -> tuple[str, list[str]]:
        """Return the characters and, with a word order, the words of a text."""
        text = text.lower() if self.lowercase else text
        words = text.split()
        letters = text if self.whitespace else "".join(words)
        return letters, [piece for word in words for piece in _split_punctuation(word)] if self.word_order else []

    def _signature(self, level: str) -> str:
        return signature(
            "chrf",
            level,
            "sacrebleu",
            nrefs="var",
            case="lc" if self.lowercase else "mixed",
            eff=not self.eps_smoothing,
            nc=self.char_order,
            nw=self.word_order,
            beta=f"{self.beta:g}",
            space=self.whitespace,
        )


def _counts(response: Sequence[Grams], reference: Sequence[Counter[Hashable]]) -> list[float]:
    counts: list[float] = []
    for mine, theirs in zip(response, reference, strict=True):
        # an order that the reference lacks does not count against the response
        counts += (len(mine), theirs.total(), _overlap(mine, theirs)) if theirs else (0, 0, 0)
    return counts


def _overlap(grams: Grams, reference: Counter[Hashable]) -> int:
    """Return the clipped number of matches: the sum over n-grams of min(count in ``grams``, count in the reference)."""
    counts = Counter(filter(reference.__contains__, grams))
    return sum(map(min, counts.values(), map(reference.__getitem__, counts)))


def _substrings(text: str, length: int) -> Grams:
    return [text[i : i + length] for i in range(len(text) - length + 1)]


def _tuples(words: Sequence[str], length: int) -> Grams:
    return list(zip(*[words[i:] for i in range(length)], strict=False))


def _split_punctuation(word: str) -> tuple[str, ...]:
    """Return the word without one punctuation mark at its end, or else at its beginning, and that mark."""
    if len(word) > 1 and word[-1] in PUNCTUATION:
        return word[:-1], word[-1]
    if len(word) > 1 and word[0] in PUNCTUATION:
        return word[0], word[1:]
    return (word,)


class _CHRFDraft(Draft):
    """The n-grams of what is certain, against each reference."""

    __slots__ = ("_blank", "_letters", "_prepared", "_reward", "_whole_words", "_words")

    def __init__(self, reward: CHRF, prepared: list[list[Counter[Hashable]]]) -> None:
        self._reward, self._prepared = reward, prepared
        # what case a character has, and where a word is split, depends on the rest of the word
        self._whole_words = reward.lowercase or reward.word_order > 0
        super().__init__()

    def certain(self, rest: str) -> int:
        return words_end(rest) if self._whole_words else characters_end(rest)

    def reset(self) -> None:
        self._blank = True
        middle = self._reward.char_order
        self._letters = [GrowingGrams(reference[:middle], "".join) for reference in self._prepared]
        self._words = [GrowingGrams(reference[middle:], tuple) for reference in self._prepared]

    def add(self, text: str) -> None:
        self._blank = self._blank and text.isspace()
        letters, words = self._reward._pieces(text)
        for characters, others in zip(self._letters, self._words, strict=True):
            characters.take(letters)
            others.take(words)

    def value(self, rest: str) -> float:
        if self._blank and not rest.strip():
            return 0.0
        letters, words = self._reward._pieces(rest)
        pairs = zip(self._letters, self._words, strict=True)
        return max([self._reward.score(a.peek(letters) + b.peek(words)) for a, b in pairs])
