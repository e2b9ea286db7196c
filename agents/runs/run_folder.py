"""The folder of a training run: its configuration, where it came from, its metrics and its checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.checkpoints.files import make_folder, read_json, replace_text
from agents.checkpoints.folders import standing, sweep
from agents.checkpoints.step_folders import StepFolders
from agents.config.config_reader import read_config
from agents.config.run_config import RunConfig
from agents.config.yaml_text import to_yaml
from agents.runs.metrics_file import MetricsFile, finite
from agents.runs.provenance import provenance
from textgym.errors import ConfigError

CHECKPOINTS = ("reinforcement", "warm-start")  # the last that a run makes comes first
LOCK = ".lock"


class RunFolder:
    """Everything that a run writes, and the one place that knows what the files are called.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Return the folder of a run that was begun.

        Raises:
            ConfigError: There is none.
        """
        if not (path / "config.yaml").is_file():
            raise ConfigError(f"{path} is not a run folder: it has no config.yaml.")
        return cls(path)

    @classmethod
    def create(cls, path: Path, config: RunConfig, manifest: Mapping[str, Any]) -> RunFolder:
        """Make the folder and write ``config.yaml`` and ``manifest.json``, versions and the commit added.

        Raises:
            ConfigError: The folder holds something already, or cannot be made.
        """
        refuse_occupied(path)
        run = cls(path)
        try:
            make_folder(run.checkpoints)
            run.write_json("manifest.json", provenance() | dict(manifest))
            replace_text(path / "config.yaml", to_yaml(config.to_dict()))  # last: with it, this is a run
        except OSError as error:
            raise ConfigError(f"The run folder {path} cannot be written: {error.strerror}.") from error
        return run

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    def config(self) -> RunConfig:
        """Return the configuration that the run was made with."""
        return read_config(RunConfig, [self.path / "config.yaml"])

    def last_checkpoint(self) -> Path:
        """Return the checkpoint that the run made last.

        Raises:
            ConfigError: There is none yet.
        """
        for name in CHECKPOINTS:
            for path in (self.checkpoints / name, *self.steps(name).newest_first()):
                found = standing(path)
                if found is not None:
                    return found
        raise ConfigError(f"The run {self.path} has no checkpoint yet: it stopped before the first one.")

    def sweep(self) -> None:
        """Remove the parts of files and checkpoints that processes which were killed have left."""
        for folder in (self.path, self.checkpoints, *(self.checkpoints / "steps").glob("*"), self.path / "responses"):
            sweep(folder)

    def steps(self, name: str) -> StepFolders:
        """Return the checkpoints on the way to the one called ``name``."""
        return StepFolders(self.checkpoints / "steps" / name)

    def metrics(self, name: str = "metrics.jsonl") -> MetricsFile:
        """Return the file of metrics; a process that runs beside the main one has a file of its own."""
        return MetricsFile(self.path / name)

    def write_json(self, name: str, value: Any) -> None:
        """Write a file of JSON: at every moment, its old or its new text stands there.

        Raises:
            ConfigError: The disk does not take it.
        """
        text = json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False)
        try:
            make_folder((self.path / name).parent)
            replace_text(self.path / name, f"{text}\n")
        except OSError as error:
            raise ConfigError(
                f"{self.path / name} cannot be written: {error.strerror}. What the run has learned is saved; to go on: "
                f"textgym train --resume {self.path}"
            ) from error

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.path / name).unlink()

    def read_json(self, name: str) -> Any:
        """Return the value of a file of JSON, None when there is no such file."""
        return read_json(self.path / name) if (self.path / name).is_file() else None


def default_path(config: RunConfig) -> Path:
    """Return the folder that the configuration names, or ``runs/<environment>-<UTC time>-s<seed>``."""
    if config.run_folder is not None:
        return Path(config.run_folder).expanduser()
    name = config.env.rpartition("/")[2].rpartition(":")[2]
    return Path("runs") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-s{config.seed}"


def refuse_occupied(path: Path) -> None:
    """Raise ConfigError unless ``path`` is free or a folder with nothing in it but a lock."""
    if path.exists() and (not path.is_dir() or any(entry.name != LOCK for entry in path.iterdir())):
        raise ConfigError(f"The run folder {path} exists and is not empty: choose another one, or remove it.")
