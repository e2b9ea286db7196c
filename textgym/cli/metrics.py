"""What several verbs take as metrics: a list with commas, and lines of text files."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Sequence
from pathlib import Path

from textgym.core import Reward
from textgym.errors import ConfigError, DataError
from textgym.registration import make_reward

STDIN = "-"


def split_metrics(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets and quotes: ``min(bleu, chrf),rougeL`` is two."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def make_metrics(text: str) -> dict[str, Reward]:
    """Return the rewards of a list with commas, by what the user wrote.

    Raises:
        ConfigError: There is none, or one cannot be made.
    """
    metrics = {part: make_reward(part) for part in split_metrics(text)}
    if not metrics:
        raise ConfigError("--metrics names no metric: write --metrics bleu,chrf.")
    return metrics


def read_lines(path: str) -> list[str]:
    """Return the lines of a UTF-8 text file, gzipped where its name ends in .gz, or of standard input.

    Raises:
        DataError: It cannot be read; the message tells the line that is not UTF-8.
    """
    name = "standard input" if path == STDIN else str(Path(path).absolute())
    try:
        if path == STDIN:
            return _decoded(sys.stdin.buffer.read(), name)
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            return _decoded(file.read(), name)
    except (OSError, EOFError) as error:
        raise DataError(f"Cannot read {name}: {error}.") from error


def _decoded(data: bytes, name: str) -> list[str]:
    """Return the lines without their ends, which are those of Unix, Windows or the old Macintosh."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = text.removesuffix(b"\n").split(b"\n") if text else []
    lines = []
    for number, line in enumerate(raw, 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"{name}, line {number}: byte {error.start + 1} is not UTF-8: {error.reason}.") from error
    return lines


def same_length(files: Sequence[tuple[str, list[str]]]) -> int:
    """Return the number of lines that all files have, at least 1.

    Raises:
        DataError: They differ, or are empty.
    """
    counts = {name: len(lines) for name, lines in files}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{'standard input' if name == STDIN else name} {count:,}" for name, count in counts.items())
        raise DataError(f"Line i of each file belongs together, so all need as many lines, got {told}.")
    count = next(iter(counts.values()), 0)
    if not count:
        raise DataError("There is nothing to score: the files have no lines.")
    return count
