"""A function of text with a bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(dict[K, V]):
    """The values of ``function``, each computed when it is first looked up: ``memo[key]``.

    Args:
        function: A pure function of the key.
        limit: The greatest weight of all keys together; when it would be exceeded, everything is forgotten.
        weight: The weight of a key: by default its length, so that ``limit`` counts characters.
    """

    def __init__(self, function: Callable[[K], V], limit: int, weight: Callable[[Any], int] = len) -> None:
        super().__init__()
        self.function = function
        self.limit = limit
        self.weight = weight
        self._total = 0

    def __missing__(self, key: K) -> V:
        value = self.function(key)
        weight = self.weight(key) + 1  # so that empty keys count too
        if self._total + weight > self.limit:
            self.clear()
            self._total = 0
        if weight <= self.limit:
            self[key] = value
            self._total += weight
        return value
