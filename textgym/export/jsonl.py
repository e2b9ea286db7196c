"""A split as JSON lines, which ``data=`` reads again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from textgym.core import Sample, Task
from textgym.errors import ConfigError, DataError
from textgym.export.samples import chosen_samples, metadata_json

OWN = ("prompt", "references")


def write_jsonl(
    task: str | Task, path: str | os.PathLike[str], split: str = "train", count: int | None = None, **options: Any
) -> int:
    """Write samples to a file, one JSON object a line; return how many.

    A line holds ``prompt``, ``references`` and the fields of the metadata. The file is complete or absent: it is
    written beside its place and renamed. Characters beyond ASCII are escaped, so that any text survives.

    Args:
        task: A registered name or a Task.
        path: Where to; a file that stands there is replaced.
        split: Which split.
        count: The first so many samples; None means all, which for generated tasks may be a million.
        options: For the task's constructor, with a name.

    Raises:
        DataError: The folder does not exist or cannot be written, or a sample's metadata is no JSON.
    """
    place = Path(path)
    if not place.name:
        raise ConfigError(f"A split is written to a file, got the path {os.fspath(path)!r}.")
    samples = chosen_samples(task, split, count, options)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    written = 0
    try:
        with open(unfinished, "w", encoding="ascii", newline="\n") as file:
            for sample in samples:
                file.write(f"{_line(sample)}\n")
                written += 1
        os.replace(unfinished, place)
    except OSError as error:
        raise DataError(f"Cannot write {place.absolute()}: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _line(sample: Sample) -> str:
    fields = json.loads(metadata_json(sample))
    if taken := [name for name in OWN if name in fields]:
        raise DataError(f"The metadata of {sample.prompt!r:.80} has the field {taken[0]!r}, the name of a column here.")
    return json.dumps({"prompt": sample.prompt, "references": list(sample.references), **fields})
