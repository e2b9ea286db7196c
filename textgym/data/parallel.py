"""Parallel text: files whose lines of the same number belong together, one with prompts, the others with references."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from textgym.core import BoolArray
from textgym.data import lazy
from textgym.data.columns import Fields
from textgym.data.lazy import FileSamples
from textgym.data.scanning import Lines, find_lines
from textgym.data.text import decoded, lines, text_start
from textgym.errors import DataError


class ParallelText(FileSamples):
    """Samples whose prompt is a line of the first file, and whose references are that line of the others.

    White space around a line is no part of it. A line is what ends with a line feed, so that other separators that
    are found in texts do not shift the lines against each other. A blank line is a bad row, in any of the files.

    Args:
        paths: The file of prompts, then those of references, in UTF-8.
        rules: How rows are read.

    Raises:
        DataError: The files differ in their numbers of lines, or a line is blank.
    """

    form = "Write one prompt a line."

    def _index(self) -> Sequence[int]:
        names = [str(path) for path in self.paths]
        self._fields = Fields(names[0], tuple(names[1:]))
        found = [self._found(path, file) for path, file in zip(self.paths, self._files, strict=True)]
        self._refuse_uneven([len(one.starts) for one in found])
        self._starts = tuple(array("Q", one.starts.tobytes()) for one in found)
        count = len(self._starts[0])
        suspects = np.unique(np.concatenate([one.suspects for one in found]))
        if self.rules.read_all or len(suspects) > lazy.CHECKED:
            keys = self._checked(self._records())
        else:
            looked = np.union1d(np.arange(min(lazy.CHECKED, count)), suspects)
            self._checked((i, i + 1, self._fetch(i)) for i in looked.tolist())
            return range(count)
        return range(count) if len(keys) == count else keys

    def _found(self, path: Path, file: Path) -> Lines:
        with open(file, "rb") as opened:
            return find_lines(opened, text_start(opened, path), self.rules.max_chars, _starts_with_space)

    def _refuse_uneven(self, counts: list[int]) -> None:
        for path, count in zip(self.paths, counts, strict=True):
            if count != counts[0]:
                raise DataError(
                    f"{self.paths[0]} has {counts[0]:,} lines, and {path} has {count:,}: line i of one must belong to "
                    "line i of the other."
                )

    def _records(self) -> Iterator[tuple[int, int, list[bytes]]]:
        with ExitStack() as stack:
            files = [stack.enter_context(open(file, "rb")) for file in self._files]
            each = [self._lines(*named) for named in zip(self.paths, files, strict=True)]
            for i, row in enumerate(zip(*each, strict=True)):
                yield i, i + 1, [line for _, _, line in row]

    def _lines(self, path: Path, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
        return lines(file, text_start(file, path), self.rules.max_bytes)

    def _fetch(self, key: int) -> list[bytes]:
        return [self._line(file, starts[key]) for file, starts in zip(self._files, self._starts, strict=True)]

    def _line(self, path: Path, start: int) -> bytes:
        with open(path, "rb") as file:
            return next(lines(file, start, self.rules.max_bytes))[2]

    def _number(self, key: int) -> int:
        return key + 1

    def _glance(self, raw: list[bytes]) -> None:
        for line in raw:
            if line.isspace() or not line.isascii() or len(line) > self.rules.max_bytes:
                self._row(raw)
                return

    def _row(self, raw: list[bytes]) -> Mapping[str, Any]:
        row = {}
        for path, line in zip(self.paths, raw, strict=True):
            row[str(path)] = self._text(path, line)
        return row

    def _text(self, path: Path, line: bytes) -> str:
        """Return a line's text; of what is wrong with it, tell the file, which may be another than the first."""
        try:
            text = decoded(line, self.rules, self._tally).strip()
        except DataError as error:
            raise DataError(f" of {path.name}{error}") from None
        if not text:
            raise DataError(f": the line of {path.name} is blank. Give it text, or remove the line from all files.")
        return text


def _starts_with_space(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> BoolArray:
    """Return which lines may be blank: most of those that are not begin with something else."""
    early: BoolArray = data[starts] <= ord(" ")
    return early
