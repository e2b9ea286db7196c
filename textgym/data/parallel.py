"""Parallel text: files whose lines of the same number belong together, one with prompts, the others with references."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from textgym.data.columns import Fields
from textgym.data.lazy import FileSamples
from textgym.data.rules import PLAIN, Rules
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

    def __init__(self, *paths: Path, rules: Rules = PLAIN) -> None:
        self._starts = tuple(array("Q") for _ in paths)
        super().__init__(*paths, rules=rules)

    def _index(self) -> Sequence[int]:
        names = [str(path) for path in self.paths]
        self._fields = Fields(names[0], tuple(names[1:]))
        keys = self._checked(self._noted())
        return range(len(keys)) if len(keys) == len(self._starts[0]) else keys

    def _records(self) -> Iterator[tuple[int, int, list[bytes]]]:
        for i, row in enumerate(self._rows()):
            yield i, i + 1, [line for _, _, line in row]

    def _noted(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """Yield the rows, and keep where their lines start."""
        for i, row in enumerate(self._rows()):
            for starts, (start, _, _) in zip(self._starts, row, strict=True):
                starts.append(start)
            yield i, i + 1, [line for _, _, line in row]

    def _rows(self) -> Iterator[tuple[tuple[int, int, bytes], ...]]:
        """Yield the lines that belong together, each with its start and its end."""
        with ExitStack() as stack:
            files = [stack.enter_context(open(file, "rb")) for file in self._files]
            each = [self._lines(*named) for named in zip(self.paths, files, strict=True)]
            for i, row in enumerate(zip_longest(*each)):
                if None in row:
                    raise self._uneven(i, row)
                yield row

    def _lines(self, path: Path, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
        return lines(file, text_start(file, path), self.rules.max_bytes)

    def _uneven(self, count: int, row: Sequence[Any]) -> DataError:
        shorter = self.paths[row.index(None)]
        longer = self.paths[next(k for k, line in enumerate(row) if line is not None)]
        return DataError(
            f"{shorter} has {count:,} lines, and {longer} has more: line i of one must belong to line i of the other."
        )

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
