"""The terminal that people watch: colours where they are wanted, and silence where nobody listens."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Literal
from unicodedata import combining, east_asian_width

Colour = Literal["dim", "written", "gained", "lost"]
CODES: dict[Colour, str] = {"dim": "\x1b[2m", "written": "\x1b[1m", "gained": "\x1b[1;32m", "lost": "\x1b[1;31m"}
PLAIN = "\x1b[0m"
SIZE = (80, 24)  # of a terminal that does not tell its own


class Terminal:
    """Standard output, as it is at each moment.

    Nothing raises when it is closed, missing or broken, or when its encoding lacks a character.
    """

    @property
    def is_live(self) -> bool:
        """Whether it is a terminal that can go back over its lines."""
        try:
            return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        except ValueError:  # closed
            return False

    @property
    def has_colours(self) -> bool:
        """Whether it takes colours, and the user has not refused them (https://no-color.org)."""
        return self.is_live and not os.environ.get("NO_COLOR")

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, each at least 1."""
        columns, lines = shutil.get_terminal_size(SIZE)
        return columns if columns > 0 else SIZE[0], lines if lines > 0 else SIZE[1]

    def coloured(self, text: str, colour: Colour) -> str:
        """Return ``text``, with the codes of a colour around it where they are understood."""
        return f"{CODES[colour]}{text}{PLAIN}" if text and self.has_colours else text

    def write(self, text: str) -> None:
        """Show ``text`` at once."""
        if not text or sys.stdout is None:
            return
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        try:
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.flush()
        except (OSError, ValueError):  # closed, or its reader has gone
            return


def clipped(text: str, width: int) -> str:
    """Return the end of ``text`` that fits into ``width`` columns, where East Asian characters take two each."""
    if len(text) <= width // 2:
        return text
    used, start = 0, len(text)
    while start and used + _columns(text[start - 1]) <= width:
        start -= 1
        used += _columns(text[start])
    while start < len(text) and combining(text[start]):  # it belongs to a letter that did not fit
        start += 1
    return text[start:]


def _columns(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
