"""Files that cannot be read at any place: a copy that can is made in the cache, once."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from textgym.errors import DataError
from textgym.tokenizers.training import cache_folder

RATIO = 50  # text shrinks to a tenth at best, and a bomb of zeros to a thousandth
SPARE = 64 * 2**20  # bytes that a file of any size may unpack to
BLOCK = 2**20

Write = Callable[[BinaryIO, BinaryIO], None]


def unpacked(path: Path) -> Path:
    """Return a file with the content of a ``.gz`` file; any other path is returned as it is.

    Raises:
        DataError: The file is no whole gzip file, it unpacks to far more than text does, or the cache cannot be
            written.
        OSError: The file cannot be read.
    """
    if path.suffix.lower() != ".gz":
        return path
    return copy_of(path, "text", lambda source, target: _pour(path, source, target))


def copy_of(path: Path, kind: str, write: Write) -> Path:
    """Return the file that ``write`` makes of another; it lies in the folder ``unpacked`` of the cache.

    Its name is the hash of the other's bytes, so that it is made once, wherever the other lies. It is written whole or
    not at all.

    Args:
        path: The other file.
        kind: What the copy is, the suffix of its name.
        write: Takes the other file and the copy, both open.

    Raises:
        DataError: The cache cannot be written, or what ``write`` raises.
        OSError: The other file cannot be read.
    """
    with open(path, "rb") as source:
        content = hashlib.file_digest(source, "sha256").hexdigest()
        copy = cache_folder() / "unpacked" / f"{content[:32]}.{kind}"
        if not copy.exists():
            source.seek(0)
            _make(path, source, copy, write)
    return copy


def refuse_bomb(path: Path, packed: int, size: int) -> None:
    """Raise DataError when a file of ``packed`` bytes unpacks to ``size`` bytes or more, and that is no text."""
    limit = SPARE + RATIO * packed
    if size > limit:
        raise DataError(
            f"{path} unpacks to more than {limit:,} bytes, over {RATIO} times its size, which text does not: unpack it "
            "by hand if you trust it."
        )


def _make(path: Path, source: BinaryIO, copy: Path, write: Write) -> None:
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=copy.parent, suffix=".tmp")
    except OSError as error:
        raise _unwritable(path, copy, error) from None
    try:
        with open(handle, "wb") as target:
            write(source, target)
        os.replace(name, copy)
    except OSError as error:
        raise _unwritable(path, copy, error) from None
    finally:
        with suppress(OSError):
            os.unlink(name)


def _unwritable(path: Path, copy: Path, error: OSError) -> DataError:
    return DataError(
        f"{path} must be unpacked, and {copy.parent} cannot be written ({error.strerror or error}): unpack it by hand, "
        "or set TEXTGYM_CACHE to a folder that can."
    )


def _pour(path: Path, source: BinaryIO, target: BinaryIO) -> None:
    packed, size = os.fstat(source.fileno()).st_size, 0
    with gzip.open(source) as file:
        while block := _block(path, file):
            size += len(block)
            refuse_bomb(path, packed, size)
            target.write(block)


def _block(path: Path, file: gzip.GzipFile) -> bytes:
    try:
        return file.read(BLOCK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no whole gzip file ({error}): fetch it again.") from None
