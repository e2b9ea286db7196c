"""Every response of an evaluation as a file: JSON lines to read again, CSV for a spreadsheet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from agents.evaluation.report import Report
from textgym.errors import ConfigError

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet would compute


def write_responses(report: Report, path: str | Path) -> None:
    """Write each sample and its response as a row: index, prompt, references, response, finish, length, each score.

    A file ``.jsonl`` has one object a line, with the metadata of the sample too. In a file ``.csv`` the references are
    a JSON list, and a text that a spreadsheet would take for a formula (one that begins with = + - @, a tab or a
    carriage return) has an apostrophe before it.

    Args:
        report: Of :func:`agents.evaluate`.
        path: A file that ends with ``.csv`` or ``.jsonl``; one that is there is replaced.

    Raises:
        ConfigError: The file cannot be written, or ends otherwise.
    """
    write = _writer(Path(path))
    try:
        # a lone surrogate becomes \udXXX, which JSON reads as what it was
        with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            write(report.answers(), file)
    except OSError as error:
        raise ConfigError(f"The responses {path} cannot be written: {error.strerror}.") from error


def check_responses_path(path: str | Path) -> None:
    """Raise ConfigError where :func:`write_responses` would, before an evaluation takes its time."""
    _writer(Path(path))
    check_writable(path)


def check_writable(path: str | Path) -> None:
    """Raise ConfigError if a file cannot be written there, as far as can be told without writing."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {folder}.")
    if Path(path).is_dir() or not os.access(path if Path(path).exists() else folder, os.W_OK):
        raise ConfigError(f"{path} cannot be written: it is a folder, or writing is not permitted.")


def _writer(path: Path) -> Callable[[Iterable[Mapping[str, Any]], TextIO], None]:
    writers = {".csv": _write_csv, ".jsonl": _write_json_lines}
    if path.suffix.lower() not in writers:
        raise ConfigError(f"Responses are written to a file that ends with .csv or .jsonl, got {str(path)!r}.")
    return writers[path.suffix.lower()]


def _write_json_lines(answers: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    for answer in answers:
        file.write(json.dumps(answer, ensure_ascii=False) + "\n")


def _write_csv(answers: Iterable[Mapping[str, Any]], file: TextIO) -> None:
    writer = csv.writer(file)
    for number, answer in enumerate(answers):
        references = json.dumps(answer["references"], ensure_ascii=False)
        row = {name: answer[name] for name in ("index", "prompt", "response", "finish", "length")}
        row = {"index": row.pop("index"), "prompt": row.pop("prompt"), "references": references, **row}
        row |= answer["scores"]
        if not number:
            writer.writerow([_cell(name) for name in row])
        writer.writerow([_cell(value) for value in row.values()])


def _cell(value: Any) -> Any:
    """Return a text that no spreadsheet computes; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
