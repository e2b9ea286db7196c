"""Cheap random choices: numbers are taken from the generator a block at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 48  # about what one sentence takes


class Dice:
    """Random choices from one generator; a single draw costs a tenth of a microsecond instead of several."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._values: list[float] = []

    def roll(self) -> float:
        """Return a number in [0, 1)."""
        if not self._values:
            self._values = self._rng.random(_BLOCK).tolist()
        return self._values.pop()

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.roll() < probability

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options, each equally likely."""
        return options[int(self.roll() * len(options))]

    def between(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self.roll() * (high - low + 1))
