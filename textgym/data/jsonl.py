"""JSON lines, read lazily: an index of byte offsets at opening, a row parsed when it is asked for."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgym.core import BoolArray
from textgym.data import lazy
from textgym.data.columns import mapping
from textgym.data.lazy import FileSamples
from textgym.data.scanning import find_lines
from textgym.data.text import decoded, line_number, lines, text_start
from textgym.errors import DataError


class JsonLines(FileSamples):
    """The samples of a file with one JSON object a line; blank lines are passed over.

    Opening scans the whole file: every line must be UTF-8 and look like an object.
    """

    form = "Write one JSON object a line."

    def _index(self) -> Sequence[int]:
        with open(self._files[0], "rb") as file:
            found = find_lines(file, text_start(file, self.paths[0]), self.rules.max_bytes, _no_object)
        if self.rules.read_all or len(found.suspects) > lazy.CHECKED:
            return super()._index()
        first = np.arange(min(lazy.CHECKED, len(found.starts)))
        looked = np.union1d(first, found.suspects)
        good = self._checked(self._lines(found.starts, looked))
        unseen = np.delete(found.starts, looked)
        return array("Q", np.sort(np.concatenate([np.array(good, np.uint64), unseen])).tobytes())

    def _lines(
        self, starts: npt.NDArray[np.uint64], numbers: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, int, bytes]]:
        """Yield the lines of these numbers, from 0 on, but for blank ones."""
        with open(self._files[0], "rb") as file:
            for number in numbers.tolist():
                at = int(starts[number])
                line = next(lines(file, at, self.rules.max_bytes))[2]
                if not line.isspace():
                    yield at, number + 1, line

    def _records(self) -> Iterator[tuple[int, int, bytes]]:
        with open(self._files[0], "rb") as file:
            start = text_start(file, self.paths[0])
            for number, (at, _, line) in enumerate(lines(file, start, self.rules.max_bytes), 1):
                if not line.isspace():
                    yield at, number, line

    def _fetch(self, key: int) -> bytes:
        with open(self._files[0], "rb") as file:
            return next(lines(file, key, self.rules.max_bytes))[2]

    def _number(self, key: int) -> int:
        with open(self._files[0], "rb") as file:
            return line_number(file, key)

    def _row(self, raw: bytes) -> Mapping[str, Any]:
        text = decoded(raw, self.rules, self._tally).rstrip("\r\n")  # else a cut line would have a line break in it
        try:
            return mapping(json.loads(text), "")
        except json.JSONDecodeError as error:
            wrong = f":{error.colno}: invalid JSON ({error.msg}). Write one whole JSON object a line."
            raise DataError(wrong) from None
        except DataError:
            raise
        except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
            raise DataError(f":1: JSON that cannot be read ({error}). Simplify or remove the row.") from None

    def _glance(self, raw: bytes) -> None:
        """Refuse what is cut off or not UTF-8, at a tenth of the cost of parsing it."""
        row = raw.strip()
        if row[:1] != b"{" or row[-1:] != b"}":
            self._row(raw)
        elif not raw.isascii() or len(raw) > self.rules.max_bytes:
            decoded(raw, self.rules, self._tally)


def _no_object(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> BoolArray:
    """Return which lines do not begin and end with the brackets of an object."""
    last = ends - 1 - (data[ends - 1] == ord("\n"))
    last -= data[last] == ord("\r")  # of an empty line this is the end of the line before, and its start tells
    whole: BoolArray = (data[starts] == ord("{")) & (data[last] == ord("}"))
    return ~whole
