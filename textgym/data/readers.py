"""The readers of data files, chosen by suffix: a new format is a new file and a line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from textgym.core import Sample
from textgym.data.delimited import CSV, TSV
from textgym.data.jsonl import JsonLines
from textgym.data.parallel import ParallelText
from textgym.data.parquet import Parquet
from textgym.data.rules import Rules
from textgym.errors import DataError, did_you_mean

Reader = Callable[[Path, Rules], Sequence[Sample]]

READERS: dict[str, Reader] = {
    ".jsonl": lambda path, rules: JsonLines.open(path, rules=rules),
    ".ndjson": lambda path, rules: JsonLines.open(path, rules=rules),
    ".csv": lambda path, rules: CSV.open(path, rules=rules),
    ".tsv": lambda path, rules: TSV.open(path, rules=rules),
    ".parquet": lambda path, rules: Parquet.open(path, rules=rules),
}
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".bz2", ".xz", ".zst")


def read_file(path: Path, rules: Rules) -> Sequence[Sample]:
    """Return the samples of a file, by the reader of its suffix; ``.gz`` behind it is unpacked.

    Raises:
        DataError: There is no such file, it is an archive, no reader has its suffix, or a row is bad.
    """
    refuse_missing(path)
    suffix = data_suffix(path.name)
    if path.name.lower().endswith(ARCHIVES):
        raise DataError(
            f"{path.absolute()} is an archive, and archives are not opened, as they may write anywhere and unpack to "
            "anything: unpack it with a tool of your choice and pass the folder."
        )
    reader = READERS.get(suffix)
    if reader is None:
        raise DataError(
            f"{path.absolute()}: files that end in {suffix!r} cannot be read. {did_you_mean(suffix, READERS)} "
            f"Formats: {', '.join(READERS)}, each also with .gz; plain text comes in pairs, "
            '{"prompt": "train.en", "references": "train.de"}.'
        )
    return reader(path, rules)


def read_parallel(prompt: Path, references: Sequence[Path], rules: Rules) -> Sequence[Sample]:
    """Return the samples of parallel text files.

    Raises:
        DataError: A file is missing, or what ``ParallelText`` raises.
    """
    for path in (prompt, *references):
        refuse_missing(path)
    return ParallelText.open(prompt, *references, rules=rules)


def data_suffix(name: str) -> str:
    """Return the suffix of a file's name that tells its format, in lower case: not ``.gz``."""
    return Path(name.lower().removesuffix(".gz")).suffix


def refuse_missing(path: Path) -> None:
    """Raise DataError where there is no file, with the names that are nearest."""
    if not os.path.isfile(path):  # which says so of a name that is too long, too
        raise DataError(f"There is no file or folder {path.absolute()}. {nearest_files(path)}")


def nearest_files(path: Path) -> str:
    """Return a sentence with the up to three names in the path's folder that are nearest to its own."""
    if not path.absolute().parent.is_dir():
        return f"Its folder {path.absolute().parent} does not exist either."
    try:
        names = sorted(sibling.name for sibling in path.absolute().parent.iterdir())
    except OSError as error:
        return f"Its folder cannot be listed: {error.strerror}."
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"Nearest there: {', '.join(near)}." if near else f"Check the name: {len(names)} others are there."
