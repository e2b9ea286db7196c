"""What tells one state of some data from another, so that a run is not resumed on data that changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from textgym.core import Sample, Task
from textgym.errors import DataError

WHOLE = 2**28  # bytes: larger files are hashed in part
BLOCKS, BLOCK = 4_096, 2**16  # what is hashed of a larger file: 256 MB, in half a second
SAMPLED = 1_000  # samples that are hashed where there are no files


def fingerprint(task: Task, split: str) -> str:
    """Return a line that changes when the samples of a split do, and is the same on any machine.

    The data of files is their content (SHA-256), wherever they lie and whenever they were written; where one has more
    than 256 MiB, its size and 4,096 blocks of 64 KiB that are spread evenly. A data set of the hub is its commit. Other
    samples, generated or given as objects, are their number and 1,000 of them that are spread evenly.

    Raises:
        ConfigError: The task has no such split.
        DataError: A file cannot be read, or changed after it was opened.
    """
    origin = getattr(task, "origin", {})
    if "hub" in origin:
        return f"hub:{origin['hub']}@{origin['revision']}:{origin['config']}:{split}"
    return of_samples(task.samples(split))


def of_samples(samples: Sequence[Sample]) -> str:
    """Return the fingerprint of samples: their own where they come from files, else one of what they say."""
    own = getattr(samples, "fingerprint", None)
    if own is not None:
        return str(own())
    count = len(samples)
    rows = [samples[i * count // min(count, SAMPLED)] for i in range(min(count, SAMPLED))]
    return f"samples:{count}:{_hashed(repr((row.prompt, row.references)).encode() for row in rows)}"


def of_files(paths: Sequence[Path]) -> str:
    """Return the fingerprint of files, in this order.

    Raises:
        DataError: A file cannot be read.
    """
    try:
        parts = [_of_file(path) for path in paths]
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from error
    return parts[0] if len(parts) == 1 else f"files:{len(parts)}:{_hashed(part.encode() for part in parts)}"


def _of_file(path: Path) -> str:
    size = path.stat().st_size
    with open(path, "rb") as file:
        if size <= WHOLE:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        starts = (i * (size - BLOCK) // (BLOCKS - 1) for i in range(BLOCKS))
        return f"sha256-of-blocks:{size}:{_hashed(_block(file, start) for start in starts)}"


def _block(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(BLOCK)


def _hashed(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))  # so that ["ab", "c"] and ["a", "bc"] differ
        digest.update(part)
    return digest.hexdigest()
