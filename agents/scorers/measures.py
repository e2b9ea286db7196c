"""How well a scorer agrees with people on examples that it has not seen, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgym.core import FloatArray

RESAMPLES = 1_000
BINS = 10  # of the calibration error
Measure = Callable[[FloatArray, FloatArray], float]
Found = dict[str, dict[str, float]]


def measured(
    target: str,
    numbers: FloatArray,
    judgments: FloatArray,
    trained_on: FloatArray,
    seed: int = 0,
    subjects: Sequence[str] | None = None,
) -> Found:
    """Return each measure with its 95% percentile bootstrap interval, and what a constant gets.

    Args:
        target: "regression", "classification" or "pairwise".
        numbers: Of the scorer, [N, outputs]; of pairwise data the differences chosen - rejected.
        judgments: Of people, [N].
        trained_on: The judgments of the training split, whose mean or commonest label is the constant.
        seed: Of the bootstrap.
        subjects: What each example is about: those about the same are drawn together, because they are no independent
            witnesses; None draws each by itself.
    """
    draws = _draws(range(len(judgments)) if subjects is None else subjects, np.random.default_rng(seed))
    found: Found = {}
    for name, measure in MEASURES[target].items():
        samples = [measure(numbers[rows], judgments[rows]) for rows in draws]
        low, high = np.nanpercentile(samples, [2.5, 97.5])
        found[name] = {"value": measure(numbers, judgments), "low": float(low), "high": float(high)}
    return found | {"constant": _constant(target, judgments, trained_on)}


def _draws(subjects: Sequence[Any], rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """Return the row numbers of each resample: as many subjects as there are, each with all of its rows."""
    _, inverse = np.unique(np.asarray(subjects), return_inverse=True)
    rows = np.argsort(inverse, kind="stable")
    groups = np.split(rows, np.flatnonzero(np.diff(inverse[rows])) + 1)
    if len(groups) == len(subjects):
        return list(rng.integers(len(groups), size=(RESAMPLES, len(groups))))
    return [np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))]) for _ in range(RESAMPLES)]


def _constant(target: str, judgments: FloatArray, trained_on: FloatArray) -> dict[str, float]:
    if target == "pairwise":
        return {"accuracy": 0.5}
    if target == "regression":
        return {"mean absolute error": float(np.abs(judgments - trained_on.mean()).mean())}
    labels, counts = np.unique(trained_on, return_counts=True)
    return {"accuracy": float((judgments == labels[counts.argmax()]).mean())}


def pearson(one: FloatArray, other: FloatArray) -> float:
    """Return the linear correlation; 0 where one side is constant."""
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / norm if norm > 0 else 0.0


def spearman(one: FloatArray, other: FloatArray) -> float:
    """Return the rank correlation; equal values share the mean of their ranks."""
    return pearson(_ranks(one), _ranks(other))


def _ranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)


def _macro_f1(numbers: FloatArray, judgments: FloatArray) -> float:
    predicted = numbers.argmax(1)
    scores = []
    for label in range(numbers.shape[1]):
        right = float(((predicted == label) & (judgments == label)).sum())
        sizes = float((predicted == label).sum() + (judgments == label).sum())
        scores.append(2 * right / sizes if sizes else 0.0)
    return float(np.mean(scores))


def _log_probabilities(numbers: FloatArray) -> FloatArray:
    return numbers - np.logaddexp.reduce(numbers, axis=1, keepdims=True)


def _log_loss(numbers: FloatArray, judgments: FloatArray) -> float:
    rows = np.arange(len(judgments))
    return float(-_log_probabilities(numbers)[rows, judgments.astype(int)].mean())


def _calibration_error(numbers: FloatArray, judgments: FloatArray) -> float:
    """Return the expected calibration error (Guo et al., 2017) over ten bins of the greatest probability."""
    sure = np.exp(_log_probabilities(numbers).max(1))
    right = (numbers.argmax(1) == judgments).astype(np.float64)
    bins: npt.NDArray[np.intp] = np.minimum((sure * BINS).astype(np.intp), BINS - 1)
    gaps = np.bincount(bins, sure - right, BINS)
    return float(np.abs(gaps).sum() / len(judgments))


def _accuracy(numbers: FloatArray, judgments: FloatArray) -> float:
    return float((numbers.argmax(1) == judgments).mean())


def _preferred(differences: FloatArray, judgments: FloatArray) -> float:
    return float(((differences[:, 0] > 0) + 0.5 * (differences[:, 0] == 0)).mean())


MEASURES: dict[str, dict[str, Measure]] = {
    "regression": {
        "pearson": lambda numbers, judgments: pearson(numbers[:, 0], judgments),
        "spearman": lambda numbers, judgments: spearman(numbers[:, 0], judgments),
        "mean absolute error": lambda numbers, judgments: float(np.abs(numbers[:, 0] - judgments).mean()),
    },
    "classification": {
        "accuracy": _accuracy,
        "macro F1": _macro_f1,
        "log loss": _log_loss,
        "calibration error": _calibration_error,
    },
    "pairwise": {"accuracy": _preferred},
}
