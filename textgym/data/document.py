"""JSON documents, whose rows stand in one list or under names in one object: read whole, as their format demands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from textgym.data.columns import mapping
from textgym.data.lazy import FileSamples
from textgym.data.text import decoded, text_start
from textgym.errors import DataError

LARGEST = 2**30  # bytes of a document, which is held in memory


class JsonDocument(FileSamples):
    """The samples of a JSON file that holds a list of objects, or an object of objects, whose names become ``id``.

    Raises:
        DataError: As for all files; or it is no JSON, told by line and column, or more than 1 GiB.
    """

    form = "Write a list of objects."

    def _index(self) -> Sequence[int]:
        self._rows = self._parsed()
        return super()._index()

    def _parsed(self) -> list[Any]:
        with open(self._files[0], "rb") as file:
            start = text_start(file, self.paths[0])
            file.seek(start)
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise DataError(f"{self.name} has more than {LARGEST:,} bytes, and is read whole: write one row a line.")
        lines = content.split(b"\n")
        text = "\n".join(self._decoded(line, number) for number, line in enumerate(lines, 1))
        if not text.strip():
            return []
        return self._listed(self._value(text))

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            return decoded(line, replace(self.rules, max_chars=LARGEST), self._tally)  # a line is no row here
        except DataError as error:
            raise DataError(f"{self.name}:{number}{error}") from None

    def _value(self, text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{self.name}:{error.lineno}:{error.colno}: invalid JSON ({error.msg}). Fetch or mend the file."
            ) from None
        except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
            raise DataError(f"{self.name}: JSON that cannot be read ({error}).") from None

    def _listed(self, value: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        if isinstance(value, dict):
            return [{"id": name, **row} if isinstance(row, dict) else row for name, row in value.items()]
        raise DataError(f"{self.name} must hold a list of objects, got {type(value).__name__}: {str(value)[:60]!r}.")

    def _records(self) -> Iterator[tuple[int, int, Any]]:
        return ((i, i, row) for i, row in enumerate(self._rows))

    def _place(self, number: int) -> str:
        return f"{self.name}, row {number}"

    def _number(self, key: int) -> int:
        return key

    def _fetch(self, key: int) -> Any:
        return self._rows[key]

    def _row(self, raw: Any) -> Mapping[str, Any]:
        return mapping(raw, "")
