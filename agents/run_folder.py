"""The folder of a training run: its configuration, where it came from, its metrics and its checkpoints."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agents.config import RunConfig
from agents.config_reader import read_config
from agents.yaml_text import to_yaml
from textgym.errors import ConfigError

PACKAGES = ("torch", "transformers", "stable-baselines3", "gymnasium", "numpy", "sacrebleu", "rouge-score")
CHECKPOINTS = ("reinforcement", "warm-start")  # the last that a run makes comes first


class RunFolder:
    """Everything that a run writes, and the one place that knows what the files are called.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, config: RunConfig, manifest: Mapping[str, Any]) -> RunFolder:
        """Make the folder and write ``config.yaml`` and ``manifest.json``, versions and the commit added.

        Raises:
            ConfigError: The folder holds something already, or cannot be made.
        """
        refuse_occupied(path)
        run = cls(path)
        try:
            run.checkpoints.mkdir(parents=True, exist_ok=True)
            (path / "config.yaml").write_text(to_yaml(config.to_dict()), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"The run folder {path} cannot be written: {error.strerror}.") from error
        run.write_json("manifest.json", provenance() | dict(manifest))
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
            if (self.checkpoints / name).is_dir():
                return self.checkpoints / name
        raise ConfigError(f"The run {self.path} has no checkpoint yet: it stopped before its warm start ended.")

    def metrics(self, name: str = "metrics.jsonl") -> MetricsFile:
        """Return the file of metrics; a process that runs beside the main one has a file of its own."""
        return MetricsFile(self.path / name)

    def write_json(self, name: str, value: Any) -> None:
        """Write a file of JSON."""
        text = json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False)
        (self.path / name).write_text(f"{text}\n", encoding="utf-8")


class MetricsFile:
    """One JSON object a line, each on disk's way before the next is made, so that a killed run keeps them.

    Args:
        path: The file; lines are added to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, values: Mapping[str, Any]) -> None:
        """Add a line; numbers that are not finite become null, which JSON can hold."""
        line = json.dumps(finite(values), ensure_ascii=False, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the lines; a last one that was cut off is left out."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)


def default_path(config: RunConfig) -> Path:
    """Return the folder that the configuration names, or ``runs/<environment>-<UTC time>-s<seed>``."""
    if config.run_folder is not None:
        return Path(config.run_folder).expanduser()
    name = config.env.rpartition("/")[2].rpartition(":")[2]
    return Path("runs") / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-s{config.seed}"


def refuse_occupied(path: Path) -> None:
    """Raise ConfigError unless ``path`` is free or an empty folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ConfigError(f"The run folder {path} exists and is not empty: choose another one, or remove it.")


def provenance() -> dict[str, Any]:
    """Return when, where and with which versions this process runs."""
    return {
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": {"python": platform.python_version(), "textgym": _textgym_version()} | _versions(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "git": _git(),
    }


def finite(value: Any) -> Any:
    """Return JSON values with NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _textgym_version() -> str:
    import textgym

    return textgym.__version__


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _git() -> dict[str, Any] | None:
    """Return the commit of the working directory and whether files differ from it; None outside of a repository."""
    try:
        commit = _git_output("rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_git_output("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git_output(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    return result.stdout.strip()
