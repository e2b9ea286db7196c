"""JSON lines, read lazily: an index of byte offsets at opening, a row parsed when it is asked for."""

from __future__ import annotations

import json
import operator
import os
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from textgym.core import Sample
from textgym.data.rows import Fields, guess_fields, sample_of
from textgym.data.skipping import Skipped
from textgym.errors import DataError

BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
CHECKED = 10_000  # rows that are checked whole at opening, which takes 0.1 s
REMEMBERED = 4_096  # parsed rows that are kept


class JsonLines(Sequence[Sample]):
    """The samples of a file with one JSON object a line; blank lines are passed over.

    Opening scans the whole file: every line must be UTF-8 and look like an object, and the first 10,000 rows are
    checked in full (all of them when bad rows are skipped); the others are when they are read. No file stays open,
    and pickles hold the path and the offsets, so that environments can be sent to other processes.

    Args:
        path: The file.
        skip: What happens to bad rows; by default the first one raises.

    Raises:
        DataError: The file cannot be read or has no row, or a row is bad; with file, line and column.
    """

    def __init__(self, path: Path, skip: Skipped | None = None) -> None:
        self.path = path.absolute()
        self._skip = skip or Skipped()
        self._fields: Fields | None = None
        try:
            self._stamp = _stamp(os.stat(path))
            self._starts = self._scan()
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror}. Check its permissions.") from error
        if not self._starts:
            raise DataError(f"{self.path} has 0 rows{self._skip}. Write one JSON object a line.")
        self._remember()

    @property
    def skipped(self) -> int:
        """How many bad rows were passed over."""
        return self._skip.count

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{self.path} has {len(self)} rows: there is no row {i}.")
        return self._sample(i % len(self))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_sample"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._remember()

    def __repr__(self) -> str:
        return f"JsonLines({str(self.path)!r}, {len(self)} rows{self._skip})"

    def where(self, index: int) -> str:
        """Return ``file:line`` of a row, for messages: lines are counted only when there is something to tell."""
        start = self._starts[index]
        return f"{self.path}:{next(n for n, (at, _) in enumerate(_lines(self.path), 1) if at == start)}"

    def _remember(self) -> None:
        self._sample = lru_cache(REMEMBERED)(self._read)

    def _scan(self) -> array[int]:
        """Return where each good row starts."""
        starts = array("Q")
        for number, (start, line) in enumerate(_lines(self.path), 1):
            row = line.strip()
            if not row:
                continue
            try:
                if self._skip.wanted or len(starts) < CHECKED:
                    self._parse(line)
                else:
                    _glance(row)
            except DataError as error:
                self._skip.add(DataError(f"{self.path}:{number}{error}"))
            else:
                starts.append(start)
        return starts

    def _read(self, i: int) -> Sample:
        start = self._starts[i]
        try:
            with open(self.path, "rb") as file:
                unchanged = _stamp(os.fstat(file.fileno())) == self._stamp
                file.seek(start)
                line = file.readline()
        except OSError as error:
            raise DataError(f"{self.path} could be opened, and now cannot be read: {error.strerror}.") from error
        if not unchanged:
            raise DataError(f"{self.path} changed after it was opened: make the environment again.")
        try:
            return self._parse(line)
        except DataError as error:
            raise DataError(f'{self.where(i)}{error} Or pass on_bad_row="skip".') from None

    def _parse(self, line: bytes) -> Sample:
        """Return the sample of a line; errors begin with what follows ``file:line``."""
        row = _object(line)
        if self._fields is None:
            self._fields = guess_fields(row)
        return sample_of(row, self._fields)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the bytes of each line, a leading byte-order mark left out."""
    with open(path, "rb") as file:
        head = file.read(4)
        if head[:2] in WIDE_BOMS or b"\0" in head:
            raise DataError(
                f"{path} is UTF-16 or UTF-32, and UTF-8 is needed: iconv -f UTF-16 -t UTF-8 {path.name} > new.jsonl"
            )
        start = len(BOM) if head[:3] == BOM else 0
        file.seek(start)
        for line in file:
            yield start, line
            start += len(line)


def _glance(row: bytes) -> None:
    """Refuse what is cut off or not UTF-8, at a tenth of the cost of parsing it."""
    if row[:1] != b"{" or row[-1:] != b"}":
        _object(row)
    elif not row.isascii():
        _text(row)


def _object(line: bytes) -> Any:
    text = _text(line).rstrip("\r\n")  # else a cut line would be told as one with a line break in it
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f":{error.colno}: invalid JSON ({error.msg}). Write one whole JSON object a line.") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise DataError(f":1: JSON that cannot be read ({error}). Simplify or remove the row.") from None


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        value = line[error.start]
        raise DataError(f": byte {error.start + 1} (0x{value:02x}) is not UTF-8. Save the file as UTF-8.") from None


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
