"""Where each item of a text stands, as the bits of integers: what exact and fast comparisons start from."""

from __future__ import annotations

from collections.abc import Sequence

SHORT = 2**10  # items: up to here the integers are quicker to build bit by bit
DENSE = 2**29  # bits of all integers together, 64 MB


class Positions:
    """The positions of the items of a text.

    Memory grows with length times distinct items / 8 bytes, 12 MB for 10,000 different words; where it would exceed
    64 MB, with the length alone, at the cost of time.

    Args:
        text: A str or a list of tokens.

    Attributes:
        where: For each distinct item an integer whose bit i is set where the item stands at position i.
        length: How many items the text has.
    """

    __slots__ = ("length", "where")

    def __init__(self, text: Sequence[str]) -> None:
        self.length = len(text)
        self.where: dict[str, int] = {}
        if self.length > SHORT:
            places: dict[str, list[int]] = {}
            for i, item in enumerate(text):
                places.setdefault(item, []).append(i)
            dense = self.length * len(places) <= DENSE
            self.where = {item: _bits(some) for item, some in places.items()} if dense else _Sparse(places)
            return
        for i, item in enumerate(text):
            self.where[item] = self.where.get(item, 0) | 1 << i


class _Sparse(dict[str, int]):
    """Positions kept as lists; the integer of an item is made each time that ``get`` asks for it."""

    def __init__(self, places: dict[str, list[int]]) -> None:
        super().__init__()
        self._places = places

    def get(self, item: str, default: int | None = None) -> int | None:  # type: ignore[override]
        places = self._places.get(item)
        return default if places is None else _bits(places)

    def __reduce__(self) -> tuple[type[_Sparse], tuple[dict[str, list[int]]]]:
        return _Sparse, (self._places,)


def _bits(places: Sequence[int]) -> int:
    """Return the integer of which these bits are set, in rising order."""
    bits = bytearray(places[-1] // 8 + 1)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")
