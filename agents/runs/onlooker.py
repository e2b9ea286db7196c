"""The folder of a run for those processes that do not write it: what they write goes nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.parallel.processes import current
from agents.runs.metrics_file import MetricsFile
from agents.runs.run_folder import RunFolder


class OnlookersFolder(RunFolder):
    """Can be read; files are written and removed by the first process alone."""

    def sweep(self) -> None:
        """Leave it to the first process."""

    def metrics(self, name: str = "metrics.jsonl") -> MetricsFile:
        """Return a file that takes no lines."""
        return OnlookersMetrics(self.path / name)

    def write_json(self, name: str, value: Any) -> None:
        """Leave it to the first process."""

    def remove(self, name: str) -> None:
        """Leave it to the first process."""


class OnlookersMetrics(MetricsFile):
    """Can be read; its lines are written by the first process alone."""

    def write(self, values: Mapping[str, Any]) -> None:
        """Leave it to the first process."""

    def mark(self) -> int:
        """Return 0: the mark that counts is that of the first process."""
        return 0

    def go_back(self, mark: int) -> None:
        """Leave it to the first process."""


def run_folder(path: Path) -> RunFolder:
    """Return the folder of a run as this process may use it."""
    return RunFolder(path) if current().is_first else OnlookersFolder(path)
