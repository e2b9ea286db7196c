"""From what a user writes after ``data=`` to a task."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textgym.core import Sample, Task
from textgym.data.readers import READERS, nearest_files, read_file
from textgym.data.rows import Fields, check_size, guess_fields, sample_of
from textgym.data.skipping import OnBadRow, Skipped
from textgym.data.task import DataTask
from textgym.errors import ConfigError, DataError, did_you_mean

# the names that a file of each split may have in a folder, the first found is taken
SPLITS = {"train": ("train", "training"), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}


def load_data(data: Any, like: Task, *, on_bad_row: OnBadRow = "error") -> Task:
    """Return a task over a user's data, with the reward and the lengths of ``like``.

    Args:
        data: One of: a Task (returned as it is); a sequence of Sample or of rows (dicts), which is the split "train";
            the path of a ``.jsonl`` file, likewise; a folder with ``train.jsonl``, ``validation.jsonl`` and
            ``test.jsonl``, or some of them; a dict of splits, ``{"train": rows or path, "test": ...}``.
        like: The task whose reward and lengths are used.
        on_bad_row: ``"error"`` raises at a bad row; ``"skip"`` passes over bad rows and counts them in the task's
            ``skipped``, for which all rows are checked at once.

    Raises:
        ConfigError: ``data`` is none of these.
        DataError: A file is missing or unreadable, has no rows, or a row is bad; the message tells which and why.
    """
    if isinstance(data, Task):
        return data
    skips = {split: Skipped(on_bad_row) for split in SPLITS}
    splits = {split: _read(part, skips[split], split) for split, part in _parts(data, like).items()}
    return DataTask(splits, like, {split: skips[split].count for split in splits})


def _parts(data: Any, like: Task) -> dict[str, Any]:
    """Return the path or rows of each split."""
    if isinstance(data, Mapping):
        return _checked_splits(data)
    if isinstance(data, (str, os.PathLike)):
        path = _path(data)
        if data == "" or (like.sources and not os.path.exists(path)):
            raise DataError(
                f"data={data!r} is no file or folder, and no source of the task {like.name!r}. "
                f"{did_you_mean(str(data), like.sources)} {nearest_files(path)}"
            )
        return _files(path) if os.path.isdir(path) else {"train": path}
    return {"train": data}


def _checked_splits(data: Mapping[Any, Any]) -> dict[str, Any]:
    if not data:
        raise ConfigError('data={} names no split: give {"train": ..., "validation": ..., "test": ...}.')
    for split in data:
        if split not in SPLITS:
            raise ConfigError(
                f"data= has the unknown split {split!r}. {did_you_mean(str(split), SPLITS)} "
                "(One row alone is given as a list of one.)"
            )
    return dict(data)


def _files(folder: Path) -> dict[str, Any]:
    """Return the file of each split in a folder."""
    found = {
        split: next((p for name in names for end in READERS if (p := folder / f"{name}{end}").is_file()), None)
        for split, names in SPLITS.items()
    }
    files = {split: path for split, path in found.items() if path is not None}
    if not files:
        there = sorted(path.name for path in folder.iterdir())[:10]
        raise DataError(
            f"The folder {folder.absolute()} has none of train.jsonl, validation.jsonl, test.jsonl; it holds "
            f"{', '.join(there) or 'nothing'}. Rename the files, or give data={{'train': path, ...}}."
        )
    return files


def _read(part: Any, skip: Skipped, split: str) -> Sequence[Sample]:
    if isinstance(part, (str, os.PathLike)):
        return read_file(_path(part), skip)
    if isinstance(part, Sequence):
        return _read_rows(part, skip, split)
    raise ConfigError(
        "data= is a Task, a list of Sample or of dicts, a path, or a dict of splits that holds lists or paths; "
        f"got {type(part).__name__} for the split {split!r}."
    )


def _read_rows(rows: Sequence[Any], skip: Skipped, split: str) -> Sequence[Sample]:
    """Return the samples of a list; another kind of sequence, which may be lazy, is taken as it is."""
    if len(rows) == 0:
        raise DataError(f"data= has 0 rows in the split {split!r}: give at least one Sample.")
    if not isinstance(rows, (list, tuple)):
        if not isinstance(rows[0], Sample):
            raise DataError(
                f"data= in the split {split!r} is a {type(rows).__name__} of {type(rows[0]).__name__}: "
                "its items must be Sample; a list may also hold dicts."
            )
        return rows
    fields: Fields | None = None
    samples: list[Sample] = []
    for i, row in enumerate(rows):
        where = f"data[{split!r}][{i}]"
        try:
            if isinstance(row, Mapping):
                fields = fields or guess_fields(row, where)
                samples.append(sample_of(row, fields, where))
            else:
                samples.append(_checked(row, where))
        except DataError as error:
            skip.add(error)
    if not samples:
        raise DataError(f"data= has 0 rows in the split {split!r}{skip}: give at least one Sample.")
    return tuple(samples)


def _checked(sample: object, where: str) -> Sample:
    """Return a sample that a user made; one without references is allowed, for rewards that need none."""
    if not isinstance(sample, Sample):
        raise DataError(f"{where}: an item is a Sample or a dict, got {type(sample).__name__}: {str(sample)[:60]!r}.")
    if not sample.prompt or sample.prompt.isspace():
        raise DataError(f"{where}: the prompt is blank. Give it text or remove the sample.")
    check_size(sample.prompt, sample.references, where)
    return sample


def _path(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.expanduser(path))
