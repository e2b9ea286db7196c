"""Samples that are made when they are asked for, each from its index alone."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import SupportsIndex, overload

from textgym.core import Sample

REMEMBERED = 2_000  # samples: one of a small split takes many draws


class DrawnSamples(Sequence[Sample]):
    """Sample i is ``draw(i)``; those that were asked for lately are kept.

    Args:
        size: How many there are.
        draw: A pure function of the index.
    """

    def __init__(self, size: int, draw: Callable[[int], Sample]) -> None:
        self._size, self._draw = size, lru_cache(REMEMBERED)(draw)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._size))]
        i = operator.index(index)
        if not -self._size <= i < self._size:
            raise IndexError(f"There are {self._size} samples; there is no sample {i}.")
        return self._draw(i % self._size)
