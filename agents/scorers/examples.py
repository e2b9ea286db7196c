"""Texts with what people thought of them, in three splits."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.scorers.config import ScorerConfig
from textgym import Sample, Task
from textgym.core import FloatArray
from textgym.data import load_data
from textgym.errors import DataError, did_you_mean

SPLITS = ("train", "validation", "test")
LEAST = 10  # examples of a split
GREATEST = 1e30  # heads are saved in float32


@dataclass(frozen=True)
class Examples:
    """One split.

    Attributes:
        responses: The texts that are judged; of pairwise data the preferred ones.
        others: The text that belongs to each, where the scorer reads one.
        targets: Float64 [N]: numbers, or the numbers of labels; ones for pairwise data.
        subjects: What each is about: rows that share a text have the same one.
        rejected: Of pairwise data the other responses.
    """

    responses: list[str]
    others: list[str] | None
    targets: FloatArray
    subjects: list[str]
    rejected: list[str] | None = None

    def __len__(self) -> int:
        return len(self.responses)


def read_examples(config: ScorerConfig) -> tuple[dict[str, Examples], list[str]]:
    """Return the three splits and, of a classification, the labels in order.

    Splits that the data has are used; those that it lacks are drawn from "train": rows that share a text to be judged
    (or the other text, where one is read) go to the same split.

    Raises:
        DataError: A column is missing, a judgment is none, or a split has too few rows.
    """
    task = load_data(config.data, _AnyTask(), columns=_columns(config))
    rows = {split: _rows(task, split, config) for split in task.splits if split in SPLITS}
    if "train" not in rows:
        raise DataError(f"{config.data!r} has no split 'train' to learn from, only {', '.join(map(repr, rows))}.")
    for split, share in (("test", config.test), ("validation", config.validation)):
        if split not in rows:
            rows["train"], rows[split] = _divided(rows["train"], share, f"{config.seed} {split}", config)
    classified = config.target == "classification"
    labels = sorted({str(row[2]) for found in rows.values() for row in found}) if classified else []
    for split, found in rows.items():
        if len(found) < LEAST:
            raise DataError(f"The {split} split of {config.data!r} has {len(found)} rows, at least {LEAST} are needed.")
    judged = {row[2] for row in rows["train"]} if config.target != "pairwise" else set()
    if config.target != "pairwise" and len(judged) < 2:
        raise DataError(f"All rows of {config.data!r} have the same {config.judgment!r}, {judged}: two are needed.")
    if classified and len({type(value) for value in judged}) > 1:
        raise DataError(
            f"The labels {config.judgment!r} of {config.data!r} are text in some rows and numbers in others."
        )
    return {split: _examples(found, labels, config) for split, found in rows.items()}, labels


Row = tuple[str, str, Any]  # response, other text, judgment or rejected response


def _columns(config: ScorerConfig) -> dict[str, str]:
    """Return which columns stand where a task has its prompt and its references."""
    if config.reads == "references":
        return {"prompt": config.response, "references": config.other}
    return {"prompt": config.response if config.reads == "response" else config.other, "references": config.response}


def _rows(task: Task, split: str, config: ScorerConfig) -> list[Row]:
    samples = task.samples(split)
    return [_row(samples[i], f"{config.data}, split {split!r}, row {i}", config) for i in range(len(samples))]


def _row(sample: Sample, where: str, config: ScorerConfig) -> Row:
    column = config.rejected if config.target == "pairwise" else config.judgment
    if column not in sample.metadata:
        raise DataError(
            f"{where}: no column {column!r}. {did_you_mean(column, map(str, sample.metadata))} Name it with "
            f"--{'rejected' if config.target == 'pairwise' else 'judgment'}."
        )
    value = sample.metadata[column]
    if config.target == "regression":
        value = _number(value, column, where)
    elif config.target == "pairwise" and not (isinstance(value, str) and value.strip()):
        raise DataError(f"{where}: {column!r} must be text, got {value!r:.80}.")
    elif not isinstance(value, (str, int)) or not str(value).strip():
        raise DataError(f"{where}: {column!r} must be a label, text or a whole number, got {value!r:.80}.")
    if len(sample.references) > 1:
        named = config.other if config.reads == "references" else config.response
        raise DataError(f"{where}: {named!r} holds {len(sample.references)} texts: give each a row of its own.")
    if config.reads == "references":
        return sample.prompt, sample.references[0], value
    return sample.references[0], sample.prompt, value


def _number(value: Any, column: str, where: str) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        number = math.nan
    if not abs(number) <= GREATEST:
        raise DataError(f"{where}: {column!r} must be a finite number of at most {GREATEST:g}, got {value!r:.80}.")
    return number


def _divided(rows: Sequence[Row], share: float, salt: str, config: ScorerConfig) -> tuple[list[Row], list[Row]]:
    """Return two lists, of which the second has about ``share`` of the rows, by a hash of what they are about."""
    kept: list[Row] = []
    drawn: list[Row] = []
    for row, about in zip(rows, _subjects(rows, config), strict=True):
        digest = hashlib.sha256(f"{salt} {about}".encode("utf-8", "surrogatepass")).digest()
        (drawn if int.from_bytes(digest[:8], "big") < share * 2**64 else kept).append(row)
    return kept, drawn


def _subjects(rows: Sequence[Row], config: ScorerConfig) -> list[str]:
    """Return a text for each row that is the same for rows that share one.

    Pairs of which one shares a response with another, and that one its other response with a third, are all alike;
    where more than half of the pairs hang together so, only the preferred response counts.
    """
    if config.target != "pairwise" or config.reads != "response":
        return [row[1] for row in rows]
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = text = parent[parent[text]]
        return text

    for chosen, _, rejected in rows:
        one, other = sorted((root(chosen), root(str(rejected))))
        parent[other] = one
    found = [root(row[0]) for row in rows]
    commonest = max(Counter(found).values(), default=0)
    return found if 2 * commonest <= len(rows) else [row[0] for row in rows]


def _examples(rows: Sequence[Row], labels: Sequence[str], config: ScorerConfig) -> Examples:
    responses, others, values = ([row[i] for row in rows] for i in range(3))
    read = None if config.reads == "response" else others
    subjects = _subjects(rows, config)
    if config.target == "pairwise":
        return Examples(responses, read, np.ones(len(rows)), subjects, values)
    if config.target == "regression":
        return Examples(responses, read, np.array(values, np.float64), subjects)
    return Examples(responses, read, np.array([labels.index(str(value)) for value in values], np.float64), subjects)


class _AnyTask(Task):
    """Lends its defaults to data that no environment plays."""

    def samples(self, split: str) -> Sequence[Sample]:
        return ()
