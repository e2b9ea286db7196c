"""Where a run goes on: at the newest of its checkpoints that is as it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.checkpoints.files import flush, read_json
from agents.checkpoints.folders import discard, open_folder, standing
from agents.runs.phase import Phase
from agents.runs.run_folder import RunFolder
from textgym.errors import CheckpointError

NOTES = ("seconds", "first_step", "validation_due", "metrics", "complete")


@dataclass(frozen=True)
class ResumePoint:
    """A checkpoint of a run.

    Attributes:
        phase: That it belongs to.
        path: Its folder.
        notes: What ``run.json`` in it tells: ``complete``, whether the phase has ended; ``seconds`` of learning;
            ``first_step``, the tokens at the phase's beginning; ``validation_due``; and ``metrics``, the bytes of the
            file of metrics.
    """

    phase: Phase
    path: Path
    notes: Mapping[str, Any]

    @property
    def complete(self) -> bool:
        """Whether the phase has ended with it."""
        return bool(self.notes["complete"])


def find_point(run: RunFolder, phases: Sequence[Phase], say: Callable[[str], None]) -> ResumePoint | None:
    """Return the newest checkpoint that can be used; None when there is none at all.

    Those that cannot be used are told, and set aside under names that end with ``.damaged``.

    Args:
        run: Of this process alone.
        phases: In the order in which they learn.
        say: Takes lines for the user.

    Raises:
        CheckpointError: There are checkpoints, and none can be used.
    """
    damaged: list[Path] = []
    for phase, path in _newest_first(run, phases):
        try:
            point = _opened(run, phase, path)
        except CheckpointError as error:
            say(f"warning: {error} The checkpoint before it is used.")
            damaged.append(path)
        else:
            for one in damaged:
                _set_aside(one)
            return point
    if damaged:
        raise CheckpointError(f"No checkpoint of {run.path} can be used: begin a new run.")
    return None


def _newest_first(run: RunFolder, phases: Sequence[Phase]) -> Iterator[tuple[Phase, Path]]:
    for phase in reversed(phases):
        for path in (run.checkpoints / phase.checkpoint, *run.steps(phase.checkpoint).newest_first()):
            if standing(path) is not None:
                yield phase, path


def _opened(run: RunFolder, phase: Phase, path: Path) -> ResumePoint:
    folder, _ = open_folder(path)
    if not (folder / "run.json").is_file():
        raise CheckpointError(f"{path} does not tell where in the run it was written: an older textgym wrote it.")
    notes = read_json(folder / "run.json")
    missing = [name for name in NOTES if name not in notes]
    if missing:
        raise CheckpointError(f"{path / 'run.json'} lacks {', '.join(missing)}.")
    run.metrics(phase.metrics).check(notes["metrics"])
    return ResumePoint(phase, path, notes)


def _set_aside(path: Path) -> None:
    folder = standing(path)
    if folder is not None:
        aside = path.with_name(f"{path.name}.damaged")
        discard(aside)
        folder.rename(aside)
        flush(path.parent)
