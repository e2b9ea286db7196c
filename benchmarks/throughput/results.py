"""The results file: one JSON line for each cell that was measured."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.throughput.comparison import Comparison

Line = dict[str, Any]


class Results:
    """The cells that a file holds, in the order in which they were measured.

    A line has the cell's name, the comparisons, the repeats, the seconds that it took, and what it was measured on.

    Args:
        path: The file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        self.lines: dict[str, Line] = {line["cell"]: line for line in map(json.loads, text.splitlines())}

    def has(self, cell: str, repeats: int) -> bool:
        """Whether a cell was measured at least so often."""
        return cell in self.lines and self.lines[cell]["repeats"] >= repeats

    def add(self, line: Mapping[str, Any]) -> None:
        """Keep a line in place of the cell's former one, and write the file, so that it is whole at any moment."""
        self.lines.pop(line["cell"], None)
        self.lines[line["cell"]] = dict(line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text("".join(f"{json.dumps(line)}\n" for line in self.lines.values()), encoding="utf-8")
        os.replace(temporary, self.path)

    def comparisons(self, order: Iterable[str] = ()) -> list[Comparison]:
        """Return all comparisons, those of the named cells first and in that order."""
        cells = [*(cell for cell in order if cell in self.lines), *self.lines]
        return [Comparison.from_json(c) for cell in dict.fromkeys(cells) for c in self.lines[cell]["comparisons"]]
