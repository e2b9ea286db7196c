"""Sentences of film reviews: a sentiment head against the lexicon of VADER."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agents.scorers.measures import measured
from benchmarks.learned.corpora import opinions
from benchmarks.learned.heads import KINDS, fitted, rows_of
from benchmarks.learned.vectors import VectorFiles
from textgym import Sample, make_reward


def sentiment(root: Path, encoder: VectorFiles) -> list[dict[str, Any]]:
    """Return accuracies on a tenth of the sentences that is held out by seed 0; another tenth chooses."""
    rows = opinions(root)
    order = np.random.default_rng(0).permutation(len(rows))
    tenth = len(rows) // 10
    places = [order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]]
    vectors = encoder.embed([row.text for row in rows])
    truth = np.array([float(row.positive) for row in rows])
    train, validation, test = (rows_of(vectors[place], truth[place]) for place in places)
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        head = fitted(kind, "classification", train, validation, 2)
        told = measured("classification", head(test.chosen), test.judgments, train.judgments)
        told.pop("constant")
        found.append({"scorer": f"{kind} head on MiniLM", "found": told})
    texts = [rows[i].text for i in places[2]]
    scores = make_reward("sentiment")(texts, [Sample(text) for text in texts])
    # VADER is neutral at the middle; half of what it leaves undecided counts as right
    right = ((scores - 0.5) * (2 * test.judgments - 1))[:, None]
    vader = measured("pairwise", right, test.judgments, train.judgments)
    return [*found, {"scorer": "VADER", "found": {"accuracy": vader["accuracy"]}}]
