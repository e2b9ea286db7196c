"""Clipped n-gram matches of a text that grows."""

from __future__ import annotations

from collections.abc import Iterable

from textgym.rewards.positions import Positions

Taken = list[tuple[int, int]]  # the order, from 0, and the n-gram of each match, to give it back


class GrowingMatches:
    """What ``Positions.matches`` counts, item by item.

    An n-gram is known by the bits of the places where it ends in the references.

    Args:
        positions: The references.
        orders: The greatest order.

    Attributes:
        matches: For each order from 1, the matches so far.
        length: How many items there are so far.
    """

    __slots__ = ("_clip", "_ends", "_get", "_used", "length", "matches", "orders")

    def __init__(self, positions: Positions, orders: int) -> None:
        self._get, self._clip = positions.where.get, positions.clip
        self.orders = orders
        self.length = 0
        self.matches = [0] * orders
        self._ends: list[int] = []  # of the n-grams that end the text, by order from 1, as far as they match
        self._used: list[dict[int, int]] = [{} for _ in range(orders)]

    def take(self, items: Iterable[str]) -> Taken:
        """Append items; return what :meth:`give_back` needs."""
        taken: Taken = []
        matches, ends = self.matches, self._ends
        for item in items:
            self.length += 1
            bits = self._get(item, 0)
            if not bits:
                ends = []
                continue
            grams = [bits]
            for end in ends:
                gram = end << 1 & bits
                if not gram:
                    break  # a longer n-gram holds a shorter one
                grams.append(gram)
            for order, gram in enumerate(grams):
                used = self._used[order]
                count = used.get(gram, 0)
                if not count or (gram & gram - 1 and count < self._clip(gram)):
                    used[gram] = count + 1
                    matches[order] += 1
                    taken.append((order, gram))
            ends = grams[: self.orders - 1]
        self._ends = ends
        return taken

    def peek(self, items: Iterable[str]) -> tuple[int, ...]:
        """Return (length, matches of each order) as they would be with further items."""
        length, ends = self.length, self._ends
        taken = self.take(items)
        result = (self.length, *self.matches)
        for order, gram in taken:
            self._used[order][gram] -= 1
            self.matches[order] -= 1
        self.length, self._ends = length, ends
        return result
