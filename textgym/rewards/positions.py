"""Where each item of a text stands, as the bits of integers: what exact and fast comparisons start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import repeat
from operator import or_

FEW = 8  # so many repeated n-grams are counted faster one by one
LONG = 2**14  # items: from here on bit vectors would take hundreds of MB


class Positions:
    """The positions of the items of one or several texts, which lie one after the other with a gap of one between.

    Memory grows with length times distinct items / 8 bytes, 6 MB for 10,000 different words; from ``LONG`` items on,
    with the length alone, at the cost of time.

    Args:
        texts: Each a str or a list of tokens.

    Attributes:
        where: For each distinct item an integer whose bit i is set where the item stands at position i.
        lengths: How many items each text has.
    """

    __slots__ = ("_regions", "_texts", "lengths", "where")

    def __init__(self, *texts: Sequence[str]) -> None:
        self.lengths = [len(text) for text in texts]
        long = sum(self.lengths) > LONG
        self._texts = texts if long else ()
        self.where: dict[str, int] = _Sparse() if long else {}
        self._regions = []
        start = 0
        for text in texts:
            if isinstance(self.where, _Sparse):
                self.where.add(text, start)
            else:
                for i, item in enumerate(text, start):
                    self.where[item] = self.where.get(item, 0) | 1 << i
            self._regions.append((1 << len(text)) - 1 << start)
            start += len(text) + 1

    def matches(self, items: Sequence[str], orders: int) -> list[int]:
        """Return for each order from 1 to ``orders`` how many n-grams of ``items`` the texts hold.

        An n-gram counts as often as it occurs in ``items``, but not more often than in the text that has it most
        (clipping: Papineni et al., 2002, section 2.1.1).
        """
        if self._texts:
            return [self._counted(items, order) for order in range(1, orders + 1)]
        matches = [0] * orders
        first = ends = list(map(self.where.get, items, repeat(0)))
        for n in range(orders):
            if n:  # where the n-gram may end: one after an end of its beginning, at a position of its last item
                ends = [end << 1 & item for end, item in zip(ends, first[n:], strict=False)]
            distinct = set(ends)  # n-grams are equal where these integers are
            distinct.discard(0)
            if not distinct:
                break  # a longer n-gram holds a shorter one
            matches[n] = len(distinct) + self._further(ends, distinct)
        return matches

    def clip(self, gram: int) -> int:
        """Return how often the text that has an n-gram most has it, from the bits of where it ends."""
        return max([(gram & region).bit_count() for region in self._regions])

    def _further(self, ends: list[int], distinct: set[int]) -> int:
        """Return how many matches there are beyond the first one of each distinct n-gram."""
        repeated = [gram for gram in distinct if gram & gram - 1]
        if not repeated:
            return 0
        counts = {gram: ends.count(gram) for gram in repeated} if len(repeated) <= FEW else Counter(ends)
        return sum([min(counts[gram], self.clip(gram)) - 1 for gram in repeated])

    def _counted(self, items: Sequence[str], order: int) -> int:
        """Return the matches of one order by counting tuples, for long texts."""
        most = reduce(or_, (Counter(_grams(text, order)) for text in self._texts))
        return (Counter(_grams(items, order)) & most).total()


class _Sparse(dict[str, int]):
    """Positions kept as lists; the integer of an item is made each time that ``get`` asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, list[int]] = {}

    def add(self, text: Sequence[str], start: int) -> None:
        for i, item in enumerate(text, start):
            self._places.setdefault(item, []).append(i)

    def get(self, item: str, default: int | None = None) -> int | None:  # type: ignore[override]
        places = self._places.get(item)
        if places is None:
            return default
        bits = bytearray(places[-1] // 8 + 1)
        for place in places:
            bits[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(bits, "little")


def _grams(items: Sequence[str], order: int) -> Iterator[tuple[str, ...]]:
    return zip(*[items[i:] for i in range(order)], strict=False)
