"""Functions of rewards that are no sums: least, greatest, product, clipping, magnitude and comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgym.core import FloatArray, Reward
from textgym.errors import ConfigError
from textgym.rewards.composite import Composite, Operand, bounds_of, written
from textgym.rewards.interval import Interval, greatest, least, magnitude, multiplied
from textgym.rewards.weighted_sum import WeightedSum


@dataclass(frozen=True)
class Operation:
    """One function: how it is computed, between which bounds it lies, and how it is written."""

    compute: Callable[..., Any]
    interval: Callable[..., Interval]
    written: str  # of the operands {0}, {1}, ... or, with {all}, of all of them


def _compared(*_: Interval) -> Interval:
    return 0.0, 1.0


def _clipped(value: Interval, low: Interval, high: Interval) -> Interval:
    return least(greatest(value, low), high)


OPERATIONS = {
    "min": Operation(lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)), least, "min({all})"),
    "max": Operation(lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)), greatest, "max({all})"),
    "abs": Operation(np.abs, magnitude, "abs({0})"),
    "clip": Operation(np.clip, _clipped, "clip({all})"),
    "*": Operation(np.multiply, multiplied, "({0} * {1})"),
    ">": Operation(np.greater, _compared, "({0} > {1})"),
    ">=": Operation(np.greater_equal, _compared, "({0} >= {1})"),
    "<": Operation(np.less, _compared, "({0} < {1})"),
    "<=": Operation(np.less_equal, _compared, "({0} <= {1})"),
}


class Formula(Composite):
    """One of ``OPERATIONS`` of rewards and numbers; a comparison is worth 1 where it holds, else 0.

    Its bounds follow from those of its operands (interval arithmetic); its corpus score is the mean of its values,
    so that of ``bleu >= 0.5`` is the share of responses that reach 0.5.

    Args:
        operation: A key of ``OPERATIONS``.
        operands: Rewards and numbers, at least one reward.
    """

    def __init__(self, operation: str, *operands: Operand) -> None:
        if not any(isinstance(operand, Reward) for operand in operands):
            raise ConfigError(f"{operation} of a reward needs a reward, got {operands}.")
        self.operation = operation
        self._operands = tuple(operand if isinstance(operand, Reward) else float(operand) for operand in operands)
        self.bounds = OPERATIONS[operation].interval(*map(bounds_of, self._operands))
        self.needs_references = any(isinstance(x, Reward) and x.needs_references for x in self._operands)
        self.name = self._written("name")

    @property
    def operands(self) -> Sequence[Operand]:
        """The rewards and numbers."""
        return self._operands

    def combine(self, values: Sequence[FloatArray | float]) -> FloatArray:
        """Return the value of the operation, float64 [N]."""
        return np.asarray(OPERATIONS[self.operation].compute(*values), np.float64) + 0.0  # no -0

    @property
    def signature(self) -> str:
        """The formula with the signatures of the rewards in it."""
        return self._written("signature")

    def __repr__(self) -> str:
        return f"Formula({self.operation!r}, {', '.join(map(repr, self._operands))})"

    def _written(self, attribute: str) -> str:
        form = OPERATIONS[self.operation].written
        between = form.startswith("(")  # signs stand between the operands
        texts = [
            f"({written(x, attribute)})" if between and isinstance(x, WeightedSum) else written(x, attribute)
            for x in self._operands
        ]
        return form.format(*texts, all=", ".join(texts))
