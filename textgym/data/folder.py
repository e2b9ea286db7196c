"""Folders: which of their files hold which split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textgym.data.columns import Columns, Fields, guess_fields
from textgym.data.readers import READERS, data_suffix
from textgym.errors import DataError

# the names that a split may have, the first found is taken
SPLITS = {"train": ("train", "training"), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
SHARD = re.compile(r"-\d{5}-of-\d{5}")  # as the hub names the parts of a split


def split_files(folder: Path, columns: Columns) -> dict[str, Any]:
    """Return the file or files of each split in a folder.

    They are ``train.jsonl``, ``validation.csv`` and so on, in one format or several, whole or in parts
    (``train-00000-of-00002.parquet``); or else parallel text, ``train.en`` and ``train.de``, whose columns are the
    languages. Each may have ``.gz`` behind its name.

    Returns:
        By split a path, a list of paths, or a dict with ``prompt`` and ``references`` for parallel text.

    Raises:
        DataError: There is no file of a split, or there are several of which one must be chosen.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise DataError(f"The folder {folder.absolute()} cannot be listed: {error.strerror}.") from error
    files = {split: _table(folder, names, stems) for split, stems in SPLITS.items()}
    found = {split: paths if len(paths) > 1 else paths[0] for split, paths in files.items() if paths}
    if found:
        return found
    languages = {split: _languages(names, stems) for split, stems in SPLITS.items()}
    pairs = {split: _pair(folder, known, columns) for split, known in languages.items() if known}
    if not pairs:
        raise DataError(
            f"The folder {folder.absolute()} has none of train.jsonl, validation.jsonl, test.jsonl (or "
            f"{', '.join(list(READERS)[2:])}, or parallel text such as train.en and train.de); it holds "
            f"{', '.join(sorted(path.name for path in folder.iterdir())[:10]) or 'nothing'}. Rename the files, or give "
            "data={'train': path, ...}."
        )
    return pairs


def table_files(folder: Path, split: str) -> list[Path]:
    """Return the table in a folder that holds a split, or its parts in order; none where there is none.

    Raises:
        DataError: There are several of which one must be chosen.
    """
    return _table(folder, sorted(path.name for path in folder.iterdir() if path.is_file()), SPLITS[split])


def _table(folder: Path, names: Sequence[str], stems: Sequence[str]) -> list[Path]:
    """Return the file that holds a split, or its parts in order."""
    for stem in stems:
        found = [name for name in names if data_suffix(name) in READERS and _stem(name) == stem]
        suffixes = {data_suffix(name) for name in found}
        parts = [name for name in found if SHARD.search(name)]
        plain = [name for name in found if not SHARD.search(name)]
        if len(suffixes) > 1 or len(plain) > 1 or (plain and parts):
            raise DataError(
                f"The folder {folder.absolute()} has {', '.join(found)}: one of them must be the split, so give "
                "data={'train': path, ...}."
            )
        if found:
            return [folder / name for name in found]
    return []


def _stem(name: str) -> str:
    """Return the name of a data file without its suffixes and the number of a part."""
    whole = name.removesuffix(".gz").removesuffix(".GZ")
    return SHARD.sub("", whole[: -len(data_suffix(name))])


def _languages(names: Sequence[str], stems: Sequence[str]) -> dict[str, str]:
    """Return the files of parallel text of a split by what follows the split's name: ``en`` for ``train.en.gz``."""
    for stem in stems:
        found = {_language(name, stem): name for name in names if name.startswith(f"{stem}.")}
        if len(found) > 1:
            return found
    return {}


def _language(name: str, stem: str) -> str:
    return name.removeprefix(f"{stem}.").removesuffix(".gz")


def _pair(folder: Path, files: dict[str, str], columns: Columns) -> dict[str, Any]:
    fields: Fields = guess_fields(files, f"{folder.absolute()} (parallel text)", columns)
    return {"prompt": folder / files[fields.prompt], "references": [folder / files[name] for name in fields.references]}
