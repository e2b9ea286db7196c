"""Responses in dialogues: how often a good one is put above an adversarial or a random one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agents.scorers.heads import Features
from benchmarks.learned.corpora import conversations
from benchmarks.learned.heads import KINDS, Kind, Vectors, fitted, joined, rows_of, with_ends
from benchmarks.learned.vectors import VectorFiles
from textgym.core import FloatArray
from textgym.statistics import mean_interval

Encoded = tuple[Vectors, Vectors]  # contexts [N, D] and responses [N, 3, 5, D]
OTHERS = ("random", "adversarial")  # what a good response is put above
CONTEXTS = {"dev": 600, "test": 400}  # the first of each split: to encode all would take over five minutes
RESAMPLES = 200  # of contexts, for the area under the curve


def dialogue(root: Path, encoder: VectorFiles) -> list[dict[str, Any]]:
    """Return accuracies and areas on the first contexts of test; heads learn from the first of dev: CONTEXTS."""
    dev, test = (_encoded(root, encoder, split) for split in CONTEXTS)
    scores = np.einsum("nkrd,nd->nkr", test[1].astype(np.float64), test[0])
    found = [{"scorer": "MiniLM cosine of context and response, untrained", "found": _judged(scores)}]
    for told, kinds in (("random", [1]), ("adversarial", [2]), ("both", [1, 2])):
        for kind in KINDS:
            scores = _fitted(kind, dev, test, kinds)
            found.append({"scorer": f"{kind} head, good against {told}", "found": _judged(scores)})
    blind = [(0 * contexts, responses) for contexts, responses in (dev, test)]  # what responses give away alone
    for told, kinds in (("random", [1]), ("adversarial", [2])):
        scores = _fitted("linear", blind[0], blind[1], kinds)
        found.append({"scorer": f"linear head on the response alone, good against {told}", "found": _judged(scores)})
    return found


def _fitted(kind: Kind, dev: Encoded, test: Encoded, others: list[int]) -> FloatArray:
    """Return the scores [N, 3, 5] that a head gives which dev taught; the last tenth of its contexts chooses."""
    cut = len(dev[0]) * 9 // 10
    parts = [_pairs(dev[0][rows], dev[1][rows], others) for rows in (slice(0, cut), slice(cut, None))]
    head = fitted(kind, "pairwise", parts[0], parts[1])
    return head(_features(*test)).reshape(test[1].shape[:3])


def _encoded(root: Path, encoder: VectorFiles, split: str) -> tuple[Vectors, Vectors]:
    """Return vectors of contexts [N, D] and of responses [N, 3, 5, D]: good, random, adversarial."""
    rows = conversations(root, split)[: CONTEXTS[split]]
    contexts = encoder.embed([row.context for row in rows])
    texts = [text for row in rows for kind in (row.good, row.adversarial, row.random) for text in kind]
    responses = encoder.embed(texts).reshape(len(rows), 3, 5, -1)
    return contexts, responses[:, [0, 2, 1]]


def _features(contexts: Vectors, responses: Vectors) -> Vectors:
    flat = responses.reshape(-1, responses.shape[-1])
    return joined(flat, np.repeat(contexts, len(flat) // len(contexts), axis=0))


def _pairs(contexts: Vectors, responses: Vectors, kinds: list[int]) -> Features:
    """Return the n-th good response against the n-th of each other kind."""
    good = np.concatenate([_features(contexts, responses[:, 0])] * len(kinds))
    others = np.concatenate([_features(contexts, responses[:, kind]) for kind in kinds])
    return rows_of(good, np.ones(len(good)), others)


def _judged(scores: FloatArray) -> dict[str, dict[str, float]]:
    """Return the accuracy of pairs within contexts, and the area under the curve over all, of scores [N, 3, 5]."""
    found = {}
    for number, kind in enumerate(OTHERS, 1):
        differences = scores[:, 0, :, None] - scores[:, number, None, :]
        won = ((differences > 0) + 0.5 * (differences == 0)).mean((1, 2))
        low, high = mean_interval(won, np.random.default_rng(0))
        found[f"pairs_{kind}"] = {"value": float(won.mean()), "low": low, "high": high}
        found[f"area_{kind}"] = _area(scores[:, 0], scores[:, number])
    return found


def _area(good: FloatArray, other: FloatArray) -> dict[str, float]:
    """Return the area under the curve of all good against all other responses; contexts are resampled together."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(len(good), size=len(good)) for _ in range(RESAMPLES)]
    return with_ends(np.array([_one_area(good[rows], other[rows]) for rows in drawn]), _one_area(good, other))


def _one_area(good: FloatArray, other: FloatArray) -> float:
    """Return the share of all pairs in which the good one is above, a tie counting half (Mann and Whitney, 1947)."""
    ordered = np.sort(other, axis=None)
    below, reached = (np.searchsorted(ordered, good.ravel(), side) for side in ("left", "right"))
    return float((below + reached).mean() / 2 / other.size)
