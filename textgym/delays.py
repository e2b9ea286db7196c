"""Rewards that are paid some steps after they were earned, and all by the end of the episode.

With a delay of k, step t pays what step t - k earned, and the last step of an episode pays whatever is left: what the
last k + 1 steps earned. So an episode's rewards sum to the same, correctly rounded; a delay of T and more pays all at
the end. Penalties are part of what a step earns. This is no potential-based shaping: with a discount below 1, what
comes later is worth less, and which policy is best may change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from textgym.arguments import real_number
from textgym.core import BoolArray, FloatArray, IntArray
from textgym.errors import ConfigError

UNPAID = "unpaid"  # the key of a snapshot


class Unpaid:
    """What ``count`` episodes have earned and not been paid yet.

    Args:
        count: How many episodes are played side by side.
        delay: k, steps, at least 1.
    """

    def __init__(self, count: int, delay: int) -> None:
        self._earned = np.zeros((count, delay))  # the oldest first

    def clear(self, lanes: IntArray) -> None:
        """Forget what is owed in ``lanes``, whose episodes begin."""
        self._earned[lanes] = 0.0

    def pay(self, lanes: IntArray, earned: FloatArray, ends: BoolArray) -> FloatArray:
        """Return what a step pays in ``lanes``, float64 [len(lanes)].

        Args:
            lanes: Which episodes made a step.
            earned: What it earned in each.
            ends: Where it was the last one.
        """
        owed = np.column_stack([self._earned[lanes], earned])
        paid = owed[:, 0].copy()
        for row in np.flatnonzero(ends):
            paid[row], owed[row] = math.fsum(owed[row]), 0.0
        self._earned[lanes] = owed[:, 1:]
        return paid

    def owed(self, lane: int) -> list[float]:
        """Return what is owed in a lane, the oldest first, for a snapshot."""
        values: list[float] = self._earned[lane].tolist()
        return values

    def load(self, lane: int, owed: list[float]) -> None:
        """Set what is owed in a lane to what :func:`owed_in` found."""
        self._earned[lane] = owed


def owed_in(snapshot: Mapping[str, Any], delay: int) -> list[float]:
    """Return what a snapshot says is owed, one number for each step of the delay.

    Raises:
        ConfigError: It is of another delay.
    """
    owed = snapshot.get(UNPAID, [])
    if not isinstance(owed, list) or len(owed) != delay:
        raise ConfigError(
            f"The snapshot must hold {delay} rewards that are not paid yet under {UNPAID!r}, got {owed!r:.80}: restore "
            "it in an environment of the same reward_delay and max_new_tokens."
        )
    return [real_number(UNPAID, value) for value in owed]


def delayed(rewards: FloatArray, lengths: IntArray, delay: int) -> FloatArray:
    """Return what whole episodes pay step by step, float64 [N, T], for what they earn.

    Args:
        rewards: float64 [N, T], what each step earns, 0 after the last.
        lengths: int64 [N], steps, at least 1.
        delay: k, steps.
    """
    paid = np.zeros_like(rewards)
    paid[:, delay:] = rewards[:, : max(0, rewards.shape[1] - delay)]
    paid[np.arange(rewards.shape[1]) >= lengths[:, None] - 1] = 0.0
    for row, length in enumerate(lengths.tolist()):
        paid[row, length - 1] = math.fsum(rewards[row, max(0, length - 1 - delay) : length])
    return paid
