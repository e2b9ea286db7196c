"""The lines of a text file as bytes, and their text: UTF-8, told by line and byte where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from textgym.data.rules import Rules
from textgym.data.skipping import Skipped
from textgym.errors import DataError

BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


def text_start(file: BinaryIO, path: Path) -> int:
    """Return the offset of the first byte of text, after a byte-order mark.

    Raises:
        DataError: The file is UTF-16 or UTF-32.
    """
    file.seek(0)
    head = file.read(4)
    if head[:2] in WIDE_BOMS or b"\0" in head:
        raise DataError(
            f"{path} is UTF-16 or UTF-32, and UTF-8 is needed: iconv -f UTF-16 -t UTF-8 {path.name} > "
            f"new{''.join(path.suffixes[-1:])}"
        )
    return len(BOM) if head[:3] == BOM else 0


def lines(file: BinaryIO, start: int, longest: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each line starts, where it ends, and its bytes with the line end, from the offset ``start`` on.

    Of a line of more than ``longest`` bytes only so many and one are yielded, for :func:`decoded` to refuse: a file of
    many gigabytes without a line end must not fill the memory.
    """
    file.seek(start)
    readline = file.readline
    while line := readline(longest + 1):
        end = start + len(line)
        if len(line) > longest:
            last = line
            while not last.endswith(b"\n") and (last := readline(longest)):
                end += len(last)
        yield start, end, line
        start = end


def line_number(file: BinaryIO, offset: int) -> int:
    """Return the number, from 1 on, of the line that starts at an offset."""
    file.seek(0)
    number = 1
    while offset > 0 and (block := file.read(min(offset, 2**20))):
        number += block.count(b"\n")
        offset -= len(block)
    return number


def decoded(line: bytes, rules: Rules, tally: Skipped | None = None) -> str:
    """Return the text of a line.

    Args:
        line: Bytes, of :func:`lines`.
        rules: Whether bytes that are not UTF-8 are an error or become U+FFFD, and how long a row may be.
        tally: Where to count a line with such bytes.

    Raises:
        DataError: The line is too long or not UTF-8; the message begins with what follows ``file:line``.
    """
    if len(line) > rules.max_bytes:
        raise DataError(
            f": a row of more than {rules.max_bytes:,} bytes, too many for max_chars={rules.max_chars:,}. Split or "
            "remove the row, or raise max_chars."
        )
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        if rules.encoding_errors == "replace":
            if tally is not None:
                tally.replaced += 1
            return line.decode("utf-8", "replace")
        raise DataError(
            f": byte {error.start + 1} (0x{line[error.start]:02x}) is not UTF-8. Save the file as UTF-8, or pass "
            'encoding_errors="replace".'
        ) from None
