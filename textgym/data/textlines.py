"""Plain text, a row a line, which stands in the column ``text``; blank lines are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.data.jsonl import JsonLines
from textgym.data.text import decoded


class TextLines(JsonLines):
    """The samples of a text file, found line by line as those of JSON lines are."""

    form = "Write text into it."

    def _row(self, raw: bytes) -> Mapping[str, Any]:
        return {"text": decoded(raw, self.rules, self._tally).rstrip("\r\n")}

    def _glance(self, raw: bytes) -> None:
        decoded(raw, self.rules, self._tally)
