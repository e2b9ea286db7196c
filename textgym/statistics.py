"""How sure a score is: bootstrap intervals, the paired bootstrap and the interquartile mean, as functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.core import FloatArray
from textgym.errors import ConfigError

Aggregate = Callable[[FloatArray, int], FloatArray]
CHUNK = 2**21  # entries of the matrix of counts that exist at a time: 16 MB


class PairedDifference(NamedTuple):
    """How much better the first of two systems is, with its percentile interval and p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    statistics: npt.ArrayLike,
    aggregate: Aggregate,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a corpus score (Efron and Tibshirani, 1993, section 13.3).

    Args:
        statistics: float64 [N, K], for each response what sums up to the corpus score, as ``Reward.statistics``.
        aggregate: From totals [R, K] and N to scores [R], as ``Reward.aggregate``.
        rng: The source of randomness.
        resamples: R, how many corpora of N rows are drawn with replacement.
        level: The coverage of the interval, between 0 and 1.

    Raises:
        ConfigError: ``statistics`` is not a finite matrix with rows, or ``resamples`` or ``level`` is out of range.
    """
    rows = _matrix(statistics)
    _check(resamples, level)
    return _percentiles(aggregate(_resampled_totals(rows, rng, resamples), len(rows)), level)


def mean_interval(
    values: npt.ArrayLike, rng: np.random.Generator, resamples: int = 1000, level: float = 0.95
) -> tuple[float, float]:
    """Return the :func:`bootstrap_interval` of the mean of ``values``, float64 [N]."""
    column = np.asarray(values, np.float64).reshape(-1, 1)
    return bootstrap_interval(column, lambda totals, count: totals[:, 0] / count, rng, resamples, level)


def paired_bootstrap(
    statistics_a: npt.ArrayLike,
    statistics_b: npt.ArrayLike,
    aggregate: Aggregate,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> PairedDifference:
    """Compare two systems on the same N samples: both are scored on the same resampled corpora (Koehn, 2004).

    The p-value is that of sacrebleu's paired bootstrap test: with d the absolute difference, the share of resamples
    in which d* - mean(d*) reaches d, counted as (c + 1) / (R + 1). Unlike sacrebleu, ties count as reached, so that
    a system compared with itself gets 1 and not 1 / (R + 1).

    Args:
        statistics_a: float64 [N, K] of the first system; see :func:`bootstrap_interval`.
        statistics_b: float64 [N, K] of the second.
        aggregate: From totals [R, K] and N to scores [R].
        rng: The source of randomness.
        resamples: R.
        level: The coverage of the interval.

    Raises:
        ConfigError: As :func:`bootstrap_interval`, or the shapes differ.
    """
    a, b = _matrix(statistics_a), _matrix(statistics_b)
    _check(resamples, level)
    if a.shape != b.shape:
        raise ConfigError(f"Both systems must have answered the same samples: got statistics {a.shape} and {b.shape}.")
    totals = _resampled_totals(np.hstack([a, b]), rng, resamples)
    differences = aggregate(totals[:, : a.shape[1]], len(a)) - aggregate(totals[:, a.shape[1] :], len(b))
    scores = [aggregate(rows.sum(axis=0, keepdims=True), len(rows))[0] for rows in (a, b)]
    difference = float(scores[0] - scores[1])
    sizes = np.abs(differences)
    reached = int(np.count_nonzero(sizes - sizes.mean() >= abs(difference)))
    return PairedDifference(difference, *_percentiles(differences, level), (reached + 1) / (resamples + 1))


def interquartile_mean(scores: npt.ArrayLike) -> float:
    """Return the mean of all scores but the lowest and the highest quarter (Agarwal et al., 2021, section 4.3).

    A quarter is rounded down to whole scores, as in rliable. ``scores`` may have any shape.
    """
    flat = np.sort(np.asarray(scores, np.float64), axis=None)
    if not flat.size or not np.isfinite(flat).all():
        raise ConfigError(f"An interquartile mean needs at least one score and finite ones, got {flat.size} scores.")
    cut = flat.size // 4
    return float(flat[cut : flat.size - cut].mean())


def _resampled_totals(rows: FloatArray, rng: np.random.Generator, resamples: int) -> FloatArray:
    """Return the sums over ``resamples`` draws of N rows with replacement, float64 [R, K].

    A draw is a row of multinomial counts, so that the sums are a product of matrices, made in chunks.
    """
    n = len(rows)
    step = max(1, CHUNK // n)
    totals = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        totals.append(counts.astype(np.float64) @ rows)
    return np.concatenate(totals)


def _percentiles(scores: FloatArray, level: float) -> tuple[float, float]:
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _matrix(statistics: npt.ArrayLike) -> FloatArray:
    rows = np.asarray(statistics, np.float64)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise ConfigError(f"Statistics must be a finite matrix [N, K] with N >= 1 and K >= 1, got shape {rows.shape}.")
    return rows


def _check(resamples: int, level: float) -> None:
    if resamples < 1 or not 0 < level < 1:
        raise ConfigError(f"resamples must be at least 1 and level between 0 and 1, got {resamples} and {level}.")
