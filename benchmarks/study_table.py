"""A study as Markdown: for each learner the mean and the range over seeds, then each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.study import SPLITS, WARM_START, Line, Study

Measured = dict[str, Any]
COLUMNS: dict[str, Callable[[Measured], float]] = {
    "BLEU greedy": lambda modes: _score(modes["greedy"], "bleu"),
    "BLEU sampled": lambda modes: _score(modes["sampled"], "bleu"),
    "chrF greedy": lambda modes: _score(modes["greedy"], "chrf"),
    "chrF sampled": lambda modes: _score(modes["sampled"], "chrf"),
    "length greedy": lambda modes: float(modes["greedy"]["mean_length"]),
    "length sampled": lambda modes: float(modes["sampled"]["mean_length"]),
    "entropy": lambda modes: float(modes["sampled"]["drift"]["entropy_per_token"][0]),
    "KL": lambda modes: float(modes["sampled"]["drift"]["kl_per_response"][0]),
}
DIGITS = {"entropy": 2, "KL": 2}


def study_table(study: Study) -> str:
    """Return a table for each split; entropy is nats a token and KL nats a response, both of sampled responses."""
    lines = study.lines()
    return "\n\n".join(f"{split}\n\n{_table(study, lines, split)}" for split in SPLITS)


def _table(study: Study, lines: Sequence[Line], split: str) -> str:
    rows = ["| | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    for name in (WARM_START, *study.learners):
        measured = {line["seed"]: line["measured"][split] for line in lines if line["cell"] == name}
        if len(measured) > 1:
            rows.append(_row(f"{name}, {len(measured)} seeds", list(measured.values())))
        for seed, modes in sorted(measured.items()):
            rows.append(_row(name if name == WARM_START else f"{name}, seed {seed}", [modes]))
    return "\n".join(rows)


def _row(name: str, measured: Sequence[Measured]) -> str:
    cells = [_cell([column(modes) for modes in measured], DIGITS.get(title, 1)) for title, column in COLUMNS.items()]
    return f"| {name} | " + " | ".join(cells) + " |"


def _cell(values: Sequence[float], digits: int) -> str:
    """Return one value, or the mean of several with their range."""
    mean = f"{sum(values) / len(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _score(report: Measured, name: str) -> float:
    return next(float(score["corpus"]) for score in report["scores"] if score["name"] == name)
