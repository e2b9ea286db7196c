"""Sequences whose samples are made when they are asked for."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, SupportsIndex, overload

from textgym.core import Sample


class DerivedSamples(Sequence[Sample]):
    """Indices and slices as in a list; a subclass gives the length and :meth:`_sample`."""

    @abstractmethod
    def _sample(self, i: int) -> Sample:
        """Return sample i, in [0, len)."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self._sample(i) for i in range(*index.indices(len(self)))]
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{self._counted()}; there is no sample {i}.")
        return self._sample(i % len(self))

    def _counted(self) -> str:
        """Return how many there are, for messages."""
        return f"There are {len(self)} samples"

    def __deepcopy__(self, memo: dict[int, Any]) -> Sequence[Sample]:
        return self  # samples never change
