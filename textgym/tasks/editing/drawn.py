"""Samples that are made when they are asked for, each from its index alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from textgym.core import Sample
from textgym.derived import DerivedSamples

REMEMBERED = 2_000  # samples: one of a small split takes many draws


class DrawnSamples(DerivedSamples):
    """Sample i is ``draw(i)``; those that were asked for lately are kept.

    Args:
        size: How many there are.
        draw: A pure function of the index.
    """

    def __init__(self, size: int, draw: Callable[[int], Sample]) -> None:
        self._size, self._draw = size, lru_cache(REMEMBERED)(draw)

    def __len__(self) -> int:
        return self._size

    def _sample(self, i: int) -> Sample:
        return self._draw(i)
