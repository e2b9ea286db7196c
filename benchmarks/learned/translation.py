"""English-German translations with human scores: how far one gets without a multilingual encoder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.scorers.measures import measured
from benchmarks.learned.corpora import Translation, translations
from benchmarks.learned.heads import KINDS, Vectors, fitted, joined, rows_of
from benchmarks.learned.vectors import VectorFiles

GRAMS = 700  # the commonest character n-grams of each side


def translation(root: Path, encoder: VectorFiles, size: int) -> list[dict[str, Any]]:
    """Return correlations with the mean z-scores of all of dev; a tenth of the training rows, the last, chooses."""
    train, dev = translations(root, "train")[:size], translations(root, "dev")
    rows = train + dev
    truth = np.array([row.z_mean for row in rows])
    own, beside = _encoded(train, dev, encoder)
    counted = _surface(train, rows)
    features = {
        "heads on MiniLM": joined(own, beside),
        "lengths and character n-grams": counted,
        "both": np.concatenate([joined(own, beside), counted], axis=1),
    }
    cosine = np.einsum("nd,nd->n", own, beside)[len(train) :]
    found = [_row("MiniLM cosine, untrained", cosine, truth[len(train) :])]
    for name, columns in features.items():
        for kind in KINDS:
            cut = len(train) * 9 // 10
            parts = [rows_of(columns[rows], truth[rows]) for rows in (slice(0, cut), slice(cut, len(train)))]
            values = fitted(kind, "regression", parts[0], parts[1])(columns[len(train) :])[:, 0]
            found.append(_row(f"{name}, {kind}", values, truth[len(train) :]))
    return found


def _row(scorer: str, values: npt.ArrayLike, truth: Any) -> dict[str, Any]:
    found = measured("regression", np.asarray(values, np.float64)[:, None], truth, truth)
    return {"scorer": scorer, "found": {name: found[name] for name in ("pearson", "spearman")}}


def _encoded(train: list[Translation], dev: list[Translation], encoder: VectorFiles) -> tuple[Vectors, Vectors]:
    """Return vectors of the translations and of their sources."""
    sides = []
    for side in ("target", "source"):
        parts = [encoder.embed([getattr(row, side) for row in part]) for part in (train, dev)]
        sides.append(np.concatenate(parts))
    return sides[0], sides[1]


def _surface(train: list[Translation], rows: list[Translation]) -> Vectors:
    """Return lengths and the square roots of counts of character n-grams (1 to 4) that are common in training."""
    columns = [_lengths(rows)]
    for side in ("source", "target"):
        known = Counter[str]()
        for row in train:
            known.update(set(_grams(getattr(row, side))))
        # equal counts in the order of the alphabet: sets have another order in each process
        commonest = sorted(known, key=lambda gram: (-known[gram], gram))[:GRAMS]
        place = {gram: number for number, gram in enumerate(commonest)}
        counts = np.zeros((len(rows), len(place)), np.float32)
        for number, row in enumerate(rows):
            for gram, count in Counter(_grams(getattr(row, side))).items():
                if gram in place:
                    counts[number, place[gram]] = count
        columns.append(np.sqrt(counts))
    return np.concatenate(columns, axis=1)


def _grams(text: str) -> list[str]:
    return [text[start : start + size] for size in range(1, 5) for start in range(len(text) - size + 1)]


def _lengths(rows: list[Translation]) -> Vectors:
    """Return words and characters of both sides, their logarithmic ratios, and the share of words in common."""
    found = []
    for row in rows:
        source, target = row.source.split(), row.target.split()
        words, chars = (len(source), len(target)), (len(row.source), len(row.target))
        common = len(set(source) & set(target)) / max(1, len(set(target)))
        ratios = [np.log(max(b, 1) / max(a, 1)) for a, b in (words, chars)]
        found.append([*words, *chars, *ratios, common, *np.log(np.maximum(words, 1))])
    return np.array(found, np.float32)
