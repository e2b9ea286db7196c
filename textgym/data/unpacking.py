"""Compressed files: a ``.gz`` file is unpacked into the cache once, so that its rows can be read in any order."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from textgym.errors import DataError
from textgym.tokenizers.training import cache_folder

RATIO = 50  # text shrinks to a tenth at best, and a bomb of zeros to a thousandth
SPARE = 64 * 2**20  # bytes that a file of any size may unpack to
BLOCK = 2**20


def unpacked(path: Path) -> Path:
    """Return a file with the content of a ``.gz`` file; any other path is returned as it is.

    The copy is named by the hash of the compressed bytes and lies in the folder ``unpacked`` of the cache.

    Raises:
        DataError: The file is no whole gzip file, it unpacks to far more than text does, or the cache cannot be
            written.
        OSError: The file cannot be read.
    """
    if path.suffix.lower() != ".gz":
        return path
    with open(path, "rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
        copy = cache_folder() / "unpacked" / content[:32]
        if not copy.exists():
            file.seek(0)
            _unpack(path, file, copy)
    return copy


def _unpack(path: Path, file: BinaryIO, copy: Path) -> None:
    """Write the copy whole or not at all."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=copy.parent, suffix=".tmp")
    except OSError as error:
        raise _unwritable(path, copy, error) from None
    try:
        with open(handle, "wb") as target:
            _pour(path, file, target, copy)
        os.replace(name, copy)
    finally:
        with suppress(OSError):
            os.unlink(name)


def _pour(path: Path, file: BinaryIO, target: BinaryIO, copy: Path) -> None:
    limit, size = SPARE + RATIO * os.fstat(file.fileno()).st_size, 0
    with gzip.open(file) as source:
        while block := _block(path, source):
            size += len(block)
            if size > limit:
                raise DataError(
                    f"{path} unpacks to more than {limit:,} bytes, over {RATIO} times its size, which text does not: "
                    "unpack it by hand if you trust it."
                )
            try:
                target.write(block)
            except OSError as error:
                raise _unwritable(path, copy, error) from None


def _block(path: Path, source: gzip.GzipFile) -> bytes:
    try:
        return source.read(BLOCK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no whole gzip file ({error}): fetch it again.") from None


def _unwritable(path: Path, copy: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} must be unpacked, and {copy.parent} cannot be written ({error.strerror}): unpack it by hand, or set "
        "TEXTGYM_CACHE to a folder that can."
    )
