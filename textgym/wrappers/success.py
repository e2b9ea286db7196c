"""How often episodes succeeded lately, and whether that suffices to go on to something harder."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from textgym.arguments import real_number, whole_number
from textgym.errors import ConfigError


class SuccessRate:
    """Successes of the last ``window`` episodes; it starts anew each time that it sufficed.

    Args:
        threshold: The mean that suffices, in (0, 1].
        window: Episodes, at least 1.
        succeeds_at: The score from which an episode is a success.
    """

    def __init__(self, threshold: float, window: int, succeeds_at: float) -> None:
        if not 0.0 < real_number("threshold", threshold) <= 1.0:
            raise ConfigError(f"threshold is a share of episodes in (0, 1], got {threshold}.")
        if whole_number("window", window) < 1:
            raise ConfigError(f"window counts episodes, at least 1, got {window}.")
        self.threshold = float(threshold)
        self.succeeds_at = real_number("succeeds_at", succeeds_at)
        self._latest: deque[bool] = deque(maxlen=window)

    def record(self, info: Mapping[str, Any]) -> bool:
        """Take in what the end of an episode tells; return whether the window is full and its mean suffices.

        If it does, the window is emptied. An episode that a time limit cut off has no score and is no success.
        """
        self._latest.append(bool(info.get("score", -math.inf) >= self.succeeds_at))
        full = len(self._latest) == self._latest.maxlen
        suffices = full and sum(self._latest) >= self.threshold * len(self._latest)
        if suffices:
            self._latest.clear()
        return suffices

    @property
    def mean(self) -> float:
        """The mean of the episodes in the window, 0 before the first."""
        return sum(self._latest) / max(1, len(self._latest))

    def state(self) -> list[int]:
        """Return the successes as numbers, the oldest first."""
        return [int(success) for success in self._latest]

    def set_state(self, state: list[int]) -> None:
        """Take up what :meth:`state` gave."""
        self._latest.clear()
        self._latest.extend(bool(success) for success in state)
