"""Heads as ``textgym train-scorer`` fits them, on features that are there already."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agents.scorers.config import ScorerConfig
from agents.scorers.heads import Features, fit_head
from textgym.core import FloatArray
from textgym.rewards.neural.head import Head

Kind = Literal["linear", "mlp"]
KINDS: tuple[Kind, ...] = ("linear", "mlp")
Vectors = npt.NDArray[np.float32]


def joined(own: Vectors, other: Vectors) -> Vectors:
    """Return u, v, |u - v| and u * v, as :func:`textgym.rewards.neural.head.features` does of texts."""
    return np.concatenate([own, other, np.abs(own - other), own * other], axis=1)


def rows_of(chosen: npt.ArrayLike, judgments: npt.ArrayLike, rejected: npt.ArrayLike | None = None) -> Features:
    """Return features in the precision in which heads learn."""
    other = None if rejected is None else np.asarray(rejected, np.float64)
    return Features(np.asarray(chosen, np.float64), other, np.asarray(judgments, np.float64))


def fitted(kind: Kind, target: Any, train: Features, validation: Features, outputs: int = 1) -> Head:
    """Return the head as it is saved, in float32; seed 0, all settings the default ones."""
    config = ScorerConfig(data="", out="", target=target, head=kind)
    return Head.of_arrays(fit_head(train, validation, outputs, config).arrays())


def with_ends(found: FloatArray, value: float) -> dict[str, float]:
    """Return a value with the 2.5% and 97.5% quantiles of its resamples."""
    low, high = np.quantile(found, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high)}
