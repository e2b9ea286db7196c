"""A reward less its running mean, over its running deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from textgym.arguments import real_number
from textgym.core import FloatArray, Reward
from textgym.errors import ConfigError
from textgym.rewards.composite import Composite, Known, Operand, operand_value, written

KEYS = ("count", "mean", "squares")


class RunningNorm(Composite):
    """``(score - mean) / deviation`` of another reward, clipped to ``[-limit, limit]``.

    Mean and deviation are those of all finished responses that were observed (Welford, 1962, by batches as in Chan,
    Golub and LeVeque, 1979); before there are two of different score, the score is passed on as it is, clipped.

    This reward has a state, and so it is the one reward whose value depends on what was judged before. To judge does
    not change the state: only :meth:`observe` does. An environment calls it once for each batch of finished responses,
    after they were paid for, and only where its split is "train"; so an evaluation leaves it as it is. In an
    environment of its own, as a table of results makes it, the state begins empty: do not report this reward, report
    what is inside it. :meth:`state` gives it as JSON values, :meth:`load_state` goes back; a snapshot of an
    environment holds it. Because the state moves batch by batch, a vector environment pays other numbers than
    the single environments of its lanes.

    Args:
        reward: The reward.
        limit: The greatest magnitude, above 0.

    Attributes:
        frozen: Set True to make :meth:`observe` do nothing.
    """

    def __init__(self, reward: Reward, limit: float = 10.0) -> None:
        self.reward = reward
        self.limit = real_number("limit", limit)
        if not 0 < self.limit < math.inf:
            raise ConfigError(f"The limit of a running norm must be finite and above 0, got {limit}.")
        self.frozen = False
        self.count, self.mean, self.squares = 0, 0.0, 0.0  # squares: the sum of squared differences from the mean
        self.name = self._written("name")
        self.bounds = (-self.limit, self.limit)
        self.needs_references = reward.needs_references

    @property
    def operands(self) -> Sequence[Operand]:
        """The reward."""
        return (self.reward,)

    @property
    def deviation(self) -> float:
        """The standard deviation of what was observed; 1 while it is not above 0."""
        return math.sqrt(self.squares / self.count) if self.count and self.squares > 0 else 1.0

    def combine(self, values: Sequence[FloatArray | float]) -> FloatArray:
        """Return the normalised scores, float64 [N]."""
        mean = self.mean if self.squares > 0 else 0.0
        return np.clip((np.asarray(values[0]) - mean) / self.deviation, -self.limit, self.limit)

    def _observe(self, known: Known) -> None:
        super()._observe(known)
        values = np.asarray(operand_value(self.reward, known), np.float64)
        if self.frozen or not values.size:
            return
        total, mean = self.count + values.size, float(values.mean())
        distance = mean - self.mean
        self.squares += float(((values - mean) ** 2).sum()) + distance**2 * self.count * values.size / total
        self.mean += distance * values.size / total
        self.count = total

    def state(self) -> list[Any]:
        """Return what is inside first, then count, mean and sum of squares."""
        return [*super().state(), {key: getattr(self, key) for key in KEYS}]

    def _load(self, rest: list[Any]) -> None:
        super()._load(rest)
        entry = rest.pop(0) if rest else None
        if not isinstance(entry, dict) or set(entry) != set(KEYS):
            raise ConfigError(f"The state of {self.name!r} needs {', '.join(KEYS)}, got {entry!r:.80}.")
        count, mean, squares = (real_number(key, entry[key]) for key in KEYS)
        if not (count >= 0 and count == int(count) and math.isfinite(mean) and 0 <= squares < math.inf):
            raise ConfigError(f"The state of {self.name!r} cannot be {entry!r}.")
        self.count, self.mean, self.squares = int(count), mean, squares

    @property
    def signature(self) -> str:
        """The signature of what is normalised, with the limit."""
        return self._written("signature")

    def __repr__(self) -> str:
        return f"RunningNorm({self.reward!r}, limit={self.limit!r})"

    def _written(self, attribute: str) -> str:
        return f"running_norm({written(self.reward, attribute)}, limit={self.limit:.12g})"
