"""Published files: which of a folder hold which split, and what reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgym.core import Sample
from textgym.data.document import JsonDocument
from textgym.data.folder import SPLITS, table_files
from textgym.data.lazy import FileSamples
from textgym.data.merging import Concatenated
from textgym.data.parts import Part, read_part
from textgym.data.readers import data_suffix, nearest_files, read_file, read_parallel, refuse_missing
from textgym.data.rules import Rules
from textgym.data.skipping import Skipped
from textgym.data.textlines import TextLines
from textgym.data.zipped import ZippedTexts
from textgym.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from textgym.tasks.published.task import PublishedTask

Reader = type[FileSamples]
Names = str | tuple[str, str]

# beside those of the user's own data, which are tables or parallel text
READERS: dict[str, Reader] = {".json": JsonDocument, ".txt": TextLines, ".tokens": TextLines, ".zip": ZippedTexts}


@dataclass(frozen=True)
class Source:
    """What one split is read from.

    Attributes:
        parts: Files, or a ``datasets.Dataset``.
        reader: What reads each file; None is by suffix.
        languages: Of parallel text, the column that each file is.
    """

    parts: Any
    reader: Reader | None = None
    languages: tuple[str, ...] = ()


def published_files(train: str = "", validation: str = "", test: str = "") -> dict[str, tuple[str, ...]]:
    """Return the names that the files of each split may have, which are told with spaces between them."""
    told = {"train": train, "validation": validation, "test": test}
    return {split: tuple(names.split()) for split, names in told.items() if names}


def source_of(part: Any, reader: Reader | None = None) -> Source | None:
    """Return the source that a user wrote for one split, a path or a list of paths; None where it is none."""
    paths = [part] if isinstance(part, (str, os.PathLike)) else part
    if not isinstance(paths, (list, tuple)) or not paths or not all(isinstance(p, (str, os.PathLike)) for p in paths):
        return None
    return Source([Path(os.path.expanduser(path)) for path in paths], reader)


def find_sources(data: Any, task: PublishedTask) -> dict[str, Source]:
    """Return what each split is read from.

    Args:
        data: A folder, a file (whose name tells the split, else it is "train"), or a dict of splits that holds files.
        task: Whose format it is.

    Raises:
        DataError: There is no such file or folder, or it holds none of the published files.
        ConfigError: A split is unknown.
    """
    if isinstance(data, Mapping):
        return {_known(split): _given(part, task) for split, part in data.items()}
    path = Path(os.path.expanduser(data))
    if path.is_dir():
        return _in_folder(path, task)
    if data == "" or not path.exists():
        raise DataError(f"There is no file or folder {path.absolute()}. {nearest_files(path)}")
    named = [split for split in SPLITS if any(_matches(path, name) for name in task.file_names(split))]
    stem = path.name.partition(".")[0].partition("-0")[0].lower()
    named = named or [split for split, stems in SPLITS.items() if stem in stems]
    return {split: Source([path], task.reader) for split in named or ["train"]}


def read_source(source: Source, rules: Rules, split: str) -> Part:
    """Return the samples of a split.

    Raises:
        DataError: A file is missing, broken or in another format; or a row is bad.
    """
    if not isinstance(source.parts, list):
        return read_part(source.parts, rules, split)
    if source.languages:
        return _part([read_parallel(source.parts[0], source.parts[1:], rules)])
    return _part([_read(path, source.reader, rules) for path in source.parts])


def _read(path: Path, reader: Reader | None, rules: Rules) -> Sequence[Sample]:
    refuse_missing(path)
    reader = reader or READERS.get(data_suffix(path.name))
    return read_file(path, rules) if reader is None else reader.open(path, rules=rules)


def _part(all_samples: list[Sequence[Sample]]) -> Part:
    skipped = [getattr(samples, "skipped", None) for samples in all_samples]
    samples = all_samples[0] if len(all_samples) == 1 else Concatenated(all_samples)
    return Part(samples, [one for one in skipped if isinstance(one, Skipped)])


def _known(split: Any) -> str:
    if split not in SPLITS:
        raise ConfigError(f"data= has the unknown split {split!r}. {did_you_mean(str(split), SPLITS)}")
    return str(split)


def _given(part: Any, task: PublishedTask) -> Source:
    source = source_of(part, task.reader)
    assert source is not None  # takes() has looked
    return source


def _matches(path: Path, name: Names) -> bool:
    return isinstance(name, str) and (path.match(name) or path.match(f"{name}.gz"))


def _in_folder(folder: Path, task: PublishedTask) -> dict[str, Source]:
    found = {split: next(_candidates(folder, split, task), None) for split in SPLITS}
    sources = {split: source for split, source in found.items() if source is not None}
    if not sources:
        wanted = [name for split in SPLITS for name in task.file_names(split)] or ["train.parquet"]
        names = ", ".join(dict.fromkeys(name if isinstance(name, str) else " and ".join(name) for name in wanted))
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise DataError(
            f"The folder {folder.absolute()} has none of the files of the task {task.name!r} ({names}); it holds "
            f"{held}. {task.advice()}"
        )
    return sources


def _candidates(folder: Path, split: str, task: PublishedTask) -> Iterator[Source]:
    """Yield what may hold a split, the published names first, then tables as the hub names them."""
    for name in task.file_names(split):
        if isinstance(name, str):
            paths = _globbed(folder, name)
            if paths:
                yield Source(paths, task.reader)
        else:
            pair = [path for one in name for path in _globbed(folder, one)]
            if len(pair) == len(name):
                yield Source(pair, languages=task.languages)
    for below in ("", "data", type(task).config or "default"):
        paths = table_files(folder / below, split) if (folder / below).is_dir() else []
        if paths:
            yield Source(paths, task.reader)


def _globbed(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(name)) or sorted(folder.glob(f"{name}.gz"))
