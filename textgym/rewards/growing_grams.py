"""Clipped matches of short n-grams, counted by what they say, of a text that grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence


class GrowingGrams:
    """The counts that chrF needs of all n-grams of a text against one reference, item by item.

    Args:
        reference: For each order from 1 the n-grams of the reference with their counts.
        join: From a list of items to an n-gram as the reference writes it.
    """

    __slots__ = ("_join", "_length", "_matches", "_reference", "_tail", "_totals", "_used")

    def __init__(self, reference: Sequence[Counter[Hashable]], join: Callable[[list[str]], Hashable]) -> None:
        self._reference, self._join = reference, join
        self._totals = [grams.total() for grams in reference]
        self._length = 0
        self._matches = [0] * len(reference)
        self._tail: list[str] = []  # the last items, as many as an n-gram may still need
        self._used: list[dict[Hashable, int]] = [{} for _ in reference]

    def take(self, items: Sequence[str]) -> list[tuple[int, Hashable]]:
        """Append items; return the order, from 0, and the n-gram of each match."""
        if not self._reference:
            return []
        taken: list[tuple[int, Hashable]] = []
        join, matches, tail = self._join, self._matches, [*self._tail, *items]
        for end in range(len(self._tail) + 1, len(tail) + 1):
            for order, (known, used) in enumerate(zip(self._reference, self._used, strict=True)):
                if order >= end:
                    break
                gram = join(tail[end - order - 1 : end])
                limit = known.get(gram)
                if not limit:
                    break  # a longer n-gram holds this one
                count = used.get(gram, 0)
                if count < limit:
                    used[gram] = count + 1
                    matches[order] += 1
                    taken.append((order, gram))
        self._length += len(items)
        kept = len(self._reference) - 1
        self._tail = tail[-kept:] if kept else []
        return taken

    def peek(self, items: Sequence[str]) -> list[float]:
        """Return (n-grams, n-grams of the reference, matches) of each order as they would be with further items."""
        length, tail = self._length, self._tail
        taken = self.take(items)
        counts: list[float] = []
        for order, (total, matches) in enumerate(zip(self._totals, self._matches, strict=True)):
            # an order that the reference lacks does not count against the response
            counts += (max(self._length - order, 0), total, matches) if total else (0, 0, 0)
        for order, gram in taken:
            self._used[order][gram] -= 1
            self._matches[order] -= 1
        self._length, self._tail = length, tail
        return counts
