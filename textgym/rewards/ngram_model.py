"""A language model of word n-grams with add-k smoothing (Jurafsky and Martin, 2026, sections 3.1 to 3.5)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

START, END, UNKNOWN = "<s>", "</s>", "<unk>"


class NgramModel:
    """P(word | the n - 1 words before) = (count + k) / (count of those words + k V).

    V counts the known words, ``</s>`` and ``<unk>``, over which the probabilities sum to 1; ``<s>`` is never predicted.

    Args:
        texts: What to learn from, each a list of words.
        order: n, at least 1.
        k: Above 0.
        min_count: Rarer words are unknown.
    """

    def __init__(self, texts: Sequence[Sequence[str]], order: int, k: float, min_count: int) -> None:
        self.order = order
        self.k = k
        counts = Counter(word for text in texts for word in text)
        self.words = frozenset(word for word, count in counts.items() if count >= min_count) - {START, END, UNKNOWN}
        self.size = len(self.words) + 2
        self._grams: Counter[tuple[str, ...]] = Counter()
        self._contexts: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            for gram in self._split(text):
                self._grams[gram] += 1
                self._contexts[gram[:-1]] += 1

    def probability(self, word: str, context: Sequence[str]) -> float:
        """Return P(word | context); of the context the last n - 1 words count."""
        before = [START] * (self.order - 1) + [word if word == START else self._known(word) for word in context]
        return self._probability((*before[len(before) - self.order + 1 :], word if word == END else self._known(word)))

    def mean_log_probability(self, text: Sequence[str]) -> float:
        """Return the mean natural logarithm over the words of a text and the end after them."""
        grams = list(self._split(text))
        return sum(math.log(self._probability(gram)) for gram in grams) / len(grams)

    def _probability(self, gram: tuple[str, ...]) -> float:
        return (self._grams[gram] + self.k) / (self._contexts[gram[:-1]] + self.k * self.size)

    def _split(self, text: Sequence[str]) -> Iterable[tuple[str, ...]]:
        words = [START] * (self.order - 1) + [self._known(word) for word in text] + [END]
        return zip(*(words[i:] for i in range(self.order)), strict=False)

    def _known(self, word: str) -> str:
        return word if word in self.words else UNKNOWN
