"""The checkpoints on the way of a phase: numbered by their tokens, the last few and the best are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from agents.checkpoints.files import read_json
from agents.checkpoints.folders import discard
from textgym.errors import CheckpointError

NAME = re.compile(r"step_(\d{9,})")


class StepFolders:
    """Folders ``step_<tokens>``, each a checkpoint with a ``run.json`` that tells its ``merit``.

    Args:
        path: The folder that holds them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, step: int) -> Path:
        """Return where the checkpoint after so many tokens stands."""
        return self.path / f"step_{step:09d}"

    def newest_first(self) -> list[Path]:
        """Return what stands here, from the last to the first."""
        found = [path for path in self.path.glob("step_*") if NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.removeprefix("step_")), reverse=True)

    def prune(self, keep_last: int) -> None:
        """Remove all but the last ``keep_last`` and the one of the greatest merit."""
        older = self.newest_first()[keep_last:]
        merits = {path: _merit(path) for path in self.newest_first()}
        best = max(merits, key=lambda path: merits[path], default=None)
        for path in older:
            if path != best:
                discard(path)


def _merit(path: Path) -> float:
    """Return how good a checkpoint is; one that cannot tell comes last."""
    try:
        notes: Any = read_json(path / "run.json")
    except CheckpointError:
        return float("-inf")
    merit = notes.get("merit")
    return float("-inf") if merit is None else float(merit)
