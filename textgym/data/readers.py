"""The readers of data files, chosen by suffix: a new format is a new file and a line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from textgym.core import Sample
from textgym.data.jsonl import JsonLines
from textgym.data.skipping import Skipped
from textgym.errors import DataError, did_you_mean

Reader = Callable[[Path, Skipped], Sequence[Sample]]

READERS: dict[str, Reader] = {
    ".jsonl": JsonLines,
    ".ndjson": JsonLines,
}


def read_file(path: Path, skip: Skipped) -> Sequence[Sample]:
    """Return the samples of a file, by the reader of its suffix.

    Raises:
        DataError: There is no such file, no reader for its suffix, or a bad row.
    """
    if not os.path.isfile(path):  # which says so of a name that is too long, too
        raise DataError(f"There is no file or folder {path.absolute()}. {nearest_files(path)}")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path.absolute()}: files that end in {path.suffix!r} cannot be read. "
            f"{did_you_mean(path.suffix.lower(), READERS)} Formats: {', '.join(READERS)}."
        )
    return reader(path, skip)


def nearest_files(path: Path) -> str:
    """Return a sentence with the up to three names in the path's folder that are nearest to its own."""
    if not path.absolute().parent.is_dir():
        return f"Its folder {path.absolute().parent} does not exist either."
    names = sorted(sibling.name for sibling in path.absolute().parent.iterdir())
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"Nearest there: {', '.join(near)}." if near else f"Check the name: {len(names)} others are there."
