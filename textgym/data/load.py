"""From what a user writes after ``data=`` to a task.

It is one of these, of which paths, dicts of paths and names of the hub can be written as JSON:

- the path of a ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet`` file, also with ``.gz``: the split "train";
- a folder that holds ``train``, ``validation`` and ``test`` in such files, or some of them; or parallel text,
  ``train.en`` and ``train.de``, where ``columns={"prompt": "en", "references": "de"}`` tells which is which;
- ``{"prompt": "train.en", "references": "train.de"}`` (or a list of files with references): parallel text;
- ``"hub:user/name"``, with ``config`` and ``revision``;
- a sequence of Sample or of rows (dicts), or a ``datasets.Dataset``: the split "train";
- a dict of splits that holds any of the above, or lists of paths: ``{"train": ..., "test": ...}``;
- a Task, which is returned as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgym.core import Task
from textgym.data.columns import read_columns
from textgym.data.dataset import is_dataset_dict
from textgym.data.folder import SPLITS, split_files
from textgym.data.hub import PREFIX, load_hub
from textgym.data.merging import ByPrompt
from textgym.data.overlap import refuse_overlap
from textgym.data.parts import is_parallel, read_part
from textgym.data.readers import nearest_files
from textgym.data.rules import MAX_CHARS, PLAIN, EncodingErrors, Form, Rules
from textgym.data.skipping import OnBadRow
from textgym.data.task import DataTask
from textgym.errors import ConfigError, DataError, did_you_mean


def load_data(
    data: Any,
    like: Task,
    *,
    columns: Mapping[str, Any] | None = None,
    on_bad_row: OnBadRow = "error",
    encoding_errors: EncodingErrors = "strict",
    max_chars: int = MAX_CHARS,
    normalize: Form | None = None,
    quotes: bool | None = None,
    by_prompt: bool = False,
    strict: bool = False,
    config: str | None = None,
    revision: str | None = None,
) -> Task:
    """Return a task over a user's data, with the reward and the lengths of ``like``.

    Args:
        data: What to read, in one of the forms that this module lists.
        like: The task whose reward and lengths are used.
        columns: Which columns hold the prompt and the references, ``{"prompt": "en", "references": ["de1", "de2"]}``;
            ``"a.b"`` is b within a; positions are for CSV and TSV without a header. What is left out is guessed.
        on_bad_row: ``"error"`` raises at a bad row; ``"skip"`` passes over bad rows and counts them in the task's
            ``skipped``, for which all rows are checked at once.
        encoding_errors: ``"strict"`` refuses bytes that are not UTF-8; ``"replace"`` makes U+FFFD of them, and counts
            the lines in the task's ``replaced``.
        max_chars: The most characters of prompt and references together; a row with more is bad.
        normalize: "NFC" or another form of Unicode for all texts, so that é is one character or two everywhere.
        quotes: Whether double quotes enclose fields; None means that they do in CSV and do not in TSV.
        by_prompt: Whether rows with the same prompt become one sample with all their references.
        strict: Whether to refuse data in which samples come twice, within a split or in two; reads all of it.
        config: The configuration of a data set of the hub.
        revision: Its branch, tag or commit; the task's ``origin`` records the commit.

    Raises:
        ConfigError: ``data`` is none of these, or an option cannot be.
        DataError: A file is missing or unreadable, has no rows, or a row is bad; the message tells which and why.
        MissingExtraError: A format needs a package that is not installed.
    """
    rules = Rules(read_columns(columns), on_bad_row, encoding_errors, max_chars, normalize, quotes)
    on_hub = isinstance(data, str) and data.startswith(PREFIX)
    if not on_hub and (config is not None or revision is not None):
        raise ConfigError(f"config= and revision= belong to a data set of the hub, data='hub:user/name', got {data!r}.")
    if isinstance(data, Task):
        task = _as_it_is(data, rules, by_prompt)
    else:
        parts, origin = load_hub(data, config, revision) if on_hub else (_parts(data, like, rules), {})
        task = _built(_known(data, parts) if on_hub else parts, like, rules, by_prompt, origin)
    if strict:
        refuse_overlap(task)
    return task


def _as_it_is(task: Task, rules: Rules, by_prompt: bool) -> Task:
    if rules != PLAIN or by_prompt:
        raise ConfigError(
            f"data= is the task {task.name!r}, which is taken as it is: give what tells how to read to its constructor."
        )
    return task


def _built(parts: Mapping[str, Any], like: Task, rules: Rules, by_prompt: bool, origin: Mapping[str, Any]) -> DataTask:
    read = {split: read_part(part, rules, split) for split, part in parts.items()}
    splits = {split: ByPrompt(part.samples) if by_prompt else part.samples for split, part in read.items()}
    return DataTask(splits, like, {split: part.skipped for split, part in read.items()}, origin)


def _known(data: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the splits that a data set of the hub has under one of their usual names."""
    named = {split: next((parts[name] for name in names if name in parts), None) for split, names in SPLITS.items()}
    known = {split: part for split, part in named.items() if part is not None}
    if not known:
        raise DataError(f"data={data} has the splits {', '.join(parts)}, and none of {', '.join(SPLITS)}.")
    return known


def _parts(data: Any, like: Task, rules: Rules) -> Mapping[str, Any]:
    """Return what the samples of each split are to be read from."""
    if is_dataset_dict(data):
        return _known("a DatasetDict", data)
    if isinstance(data, Mapping):
        return {"train": data} if is_parallel(data) else _checked_splits(data)
    if isinstance(data, (str, os.PathLike)):
        path = Path(os.path.expanduser(data))
        if data == "" or (like.sources and not os.path.exists(path)):
            raise DataError(
                f"data={data!r} is no file or folder, and no source of the task {like.name!r}. "
                f"{did_you_mean(str(data), like.sources)} {nearest_files(path)}"
            )
        return split_files(path, rules.columns) if os.path.isdir(path) else {"train": path}
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
