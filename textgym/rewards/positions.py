"""Where each item of a text stands, as the bits of integers: what exact and fast comparisons start from."""

from __future__ import annotations

from collections.abc import Sequence

LONG = 2**14  # items: from here on bit vectors would take hundreds of MB


class Positions:
    """The positions of the items of a text.

    Memory grows with length times distinct items / 8 bytes, 6 MB for 10,000 different words; from ``LONG`` items on,
    with the length alone, at the cost of time.

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
        if self.length > LONG:
            self.where = _Sparse(text)
            return
        for i, item in enumerate(text):
            self.where[item] = self.where.get(item, 0) | 1 << i


class _Sparse(dict[str, int]):
    """Positions kept as lists; the integer of an item is made each time that ``get`` asks for it."""

    def __init__(self, text: Sequence[str]) -> None:
        super().__init__()
        self._places: dict[str, list[int]] = {}
        for i, item in enumerate(text):
            self._places.setdefault(item, []).append(i)

    def get(self, item: str, default: int | None = None) -> int | None:  # type: ignore[override]
        places = self._places.get(item)
        if places is None:
            return default
        bits = bytearray(places[-1] // 8 + 1)
        for place in places:
            bits[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(bits, "little")
