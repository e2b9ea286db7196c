"""Samples drawn by a function, each from a generator of its own: nothing is stored, and any index is as near as 0."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np

from textgym.core import Sample
from textgym.derived import DerivedSamples
from textgym.tasks.translation.dice import Dice

BUCKETS = {"train": range(2, 10), "validation": range(0, 1), "test": range(1, 2)}


def bucket(prompt: str) -> int:
    """Return the hash, 0 to 9, that says which split a prompt belongs to, whatever drew it."""
    return crc32(prompt.encode()) % 10


class GeneratedSamples(DerivedSamples):
    """The samples of a split; sample i is a function of ``draw``, the seed, the split and i.

    Args:
        draw: Draws a sample of any split.
        seed: At least 0.
        split: One of BUCKETS.
        size: The number of samples.
    """

    def __init__(self, draw: Callable[[Dice], Sample], seed: int, split: str, size: int) -> None:
        self.draw, self.seed, self.split = draw, seed, split
        self._size = size
        self._buckets = BUCKETS[split]
        self._key = crc32(split.encode())

    def __len__(self) -> int:
        return self._size

    def _counted(self) -> str:
        return f"The split {self.split!r} has {self._size} samples"

    def _sample(self, i: int) -> Sample:
        dice = Dice(np.random.default_rng([i, self.seed, self._key]))
        sample = self.draw(dice)
        while bucket(sample.prompt) not in self._buckets:
            sample = self.draw(dice)
        return sample
