"""A study: reinforcement of several kinds and seeds from one shared warm start, in cells that can be interrupted."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.textgym_command import Stopped, TextgymCommand

Settings = dict[str, str]  # of ``textgym train``, by key
Line = dict[str, Any]
WARM_START = "warm start"
SPLITS = ("validation", "test")
MODES = ("greedy", "sampled")


@dataclass(frozen=True)
class Cell:
    """A learner with a seed, or the warm start."""

    name: str
    seed: int = 0

    @property
    def folder(self) -> str:
        """The name of its run folder."""
        name = self.name.replace(" ", "-")
        return name if self.name == WARM_START else f"{name}-seed-{self.seed}"


@dataclass(frozen=True)
class Study:
    """Which runs there are.

    Attributes:
        runs: Where the run folders go; a finished warm start may stand in ``warm-start`` already.
        results: The file of lines.
        common: Settings of every run.
        warm_start: Those of the warm start.
        learners: Those of each kind of reinforcement, by name.
        seeds: Of reinforcement.
        metrics: What is measured before and after.
    """

    runs: Path
    results: Path
    common: Settings
    warm_start: Settings
    learners: Mapping[str, Settings]
    seeds: tuple[int, ...] = (0, 1, 2)
    metrics: str = "bleu,chrf"

    def cells(self) -> list[Cell]:
        """Return the cells of reinforcement: every learner with the first seed, then with the next."""
        return [Cell(name, seed) for seed in self.seeds for name in self.learners]

    def settings(self, cell: Cell) -> Settings:
        """Return what ``textgym train`` is told for a cell."""
        common = self.common | {"seed": str(cell.seed)}
        if cell.name == WARM_START:
            return common | {"reinforcement.enabled": "false"} | self.warm_start
        return common | {"warm_start.enabled": "false", "model": str(self.warm_checkpoint)} | self.learners[cell.name]

    @property
    def warm_checkpoint(self) -> Path:
        """From where reinforcement starts."""
        return self.runs / Cell(WARM_START).folder / "checkpoints" / "warm-start"

    def without_places(self, text: str) -> str:
        """Return a text in which RUNS and DATA stand for the folders of this machine."""
        places = {str(self.runs): "RUNS", self.common.get("env_kwargs.data", ""): "DATA"}
        for place, name in places.items():
            text = text.replace(place, name) if place else text
        return text

    def lines(self) -> list[Line]:
        """Return the lines that are there already."""
        return [json.loads(line) for line in self.results.read_text().splitlines()] if self.results.is_file() else []


class Runner:
    """Runs the cells of a study that have no line yet.

    Args:
        study: The cells.
        textgym: Runs a verb of ``textgym`` and returns what it printed.
    """

    def __init__(self, study: Study, textgym: TextgymCommand | Callable[..., str]) -> None:
        self.study = study
        self.textgym = textgym
        self._lock = threading.Lock()

    def run(self, jobs: int) -> bool:
        """Run the warm start, then ``jobs`` cells at a time; return whether every cell has its line now."""
        done = {(line["cell"], line["seed"]) for line in self.study.lines()}
        first, *others = [Cell(WARM_START), *self.study.cells()]
        if (first.name, first.seed) not in done and not _succeeded(self._run_cell, first):
            return False
        missing = [cell for cell in others if (cell.name, cell.seed) not in done]
        with ThreadPoolExecutor(jobs) as pool:
            futures: list[Future[bool]] = []
            try:
                futures += [pool.submit(_succeeded, self._run_cell, cell) for cell in missing]
                return all([future.result() for future in futures])
            except BaseException:  # the user has interrupted
                for future in futures:
                    future.cancel()
                if isinstance(self.textgym, TextgymCommand):
                    self.textgym.stop()
                raise

    def _run_cell(self, cell: Cell) -> None:
        folder = self.study.runs / cell.folder
        self._train(cell, folder)
        origin = _origin(folder, cell)
        origin["configuration"] = self.study.without_places(origin["configuration"])
        line = {"cell": cell.name, "seed": cell.seed, **origin, "measured": self._measure(cell, folder)}
        with self._lock:
            self.study.results.parent.mkdir(parents=True, exist_ok=True)
            with self.study.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        print(f"{cell.folder} done", flush=True)

    def _train(self, cell: Cell, folder: Path) -> None:
        """Learn, unless that was done; go on with what was interrupted."""
        if _finished(folder, cell):
            return
        if (folder / "config.yaml").is_file():
            self.textgym("train", "--resume", str(folder))
            return
        settings = [part for key, value in self.study.settings(cell).items() for part in (f"--{key}", value)]
        self.textgym("train", *settings, "--run_folder", str(folder))

    def _measure(self, cell: Cell, folder: Path) -> dict[str, dict[str, Any]]:
        """Return the scores and the drift of a cell's last checkpoint, by split and mode."""
        reports = self.study.runs / "reports"
        reports.mkdir(exist_ok=True)
        found: dict[str, dict[str, Any]] = {split: {} for split in SPLITS}
        for split in SPLITS:
            for mode in MODES:
                arguments = ["--split", split, "--decoding", mode, "--rewards", self.study.metrics, "--json"]
                arguments += ["--drift-from", str(self.study.warm_checkpoint)]
                arguments += ["--report", str(reports / f"{cell.folder}-{split}-{mode}.json")]
                if cell.name != WARM_START:
                    before = reports / f"{Cell(WARM_START).folder}-{split}-{mode}.json"
                    arguments += ["--against", str(before)]
                found[split][mode] = json.loads(self.textgym("eval", str(folder), *arguments))
                found[split][mode].pop("against", None)  # it has a line of its own
        return found


def _succeeded(run: Callable[[Cell], None], cell: Cell) -> bool:
    """Run a cell; tell what went wrong, so that the others go on."""
    try:
        run(cell)
    except Stopped:
        return False
    except RuntimeError as error:
        print(f"{cell.folder}: {error}", file=sys.stderr, flush=True)
        return False
    return True


def _checkpoint(folder: Path, cell: Cell) -> Path:
    return folder / "checkpoints" / ("warm-start" if cell.name == WARM_START else "reinforcement")


def _finished(folder: Path, cell: Cell) -> bool:
    """Whether a run has learned and evaluated all it should: a row for what it started from, and one for the end."""
    evaluation = folder / "evaluation.json"
    if not (evaluation.is_file() and (_checkpoint(folder, cell) / "manifest.json").is_file()):
        return False
    return len(json.loads(evaluation.read_text(encoding="utf-8"))["rows"]) == 2


def _origin(folder: Path, cell: Cell) -> Line:
    """Return how a run came about: its configuration, the tokens that it learned from, versions and commit."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    counters = json.loads((_checkpoint(folder, cell) / "algorithm.json").read_text(encoding="utf-8"))["counters"]
    seconds = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["seconds"]
    return {
        "configuration": (folder / "config.yaml").read_text(encoding="utf-8"),
        "tokens": counters["num_timesteps"],
        "seconds": round(sum(seconds.values())),
        "versions": manifest["versions"],
        "git": manifest["git"],
    }
