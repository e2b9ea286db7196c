"""A run in which a process gets a signal: ``... FOLDER UPDATE RANK SIGNAL [KEY=VALUE]...``, before so many updates."""

import os
import signal
import sys
from pathlib import Path

from agents.commands.training import parse_train
from agents.config.config_reader import read_config
from agents.config.run_config import RunConfig
from agents.parallel import current
from agents.runs.checkpointer import Checkpointer
from agents.train import resume, train
from tests.agents.interrupted import SMALL

NO_DROPOUT = tuple((f"model.{name}_pdrop", "0.0") for name in ("attn", "embd", "resid"))


def configuration(folder: Path, *overrides: tuple[str, str]) -> RunConfig:
    """Return that of a small run without dropout, whose random numbers depend on the number of processes."""
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / f"{os.getpid()}.yaml"
    file.write_text(SMALL)
    return read_config(RunConfig, [file], [*NO_DROPOUT, ("run_folder", str(folder / "run")), *overrides])


def signalled(update: int, rank: int, number: int) -> None:
    """Let a process get a signal at the beginning of an update, counted from 1 over both phases."""
    original, count = Checkpointer._on_rollout_start, 0

    def counted(self: Checkpointer) -> None:
        nonlocal count
        count += 1
        if count == update and current().rank == rank:
            os.kill(os.getpid(), number)
        original(self)

    Checkpointer._on_rollout_start = counted


def main() -> None:
    folder, update, rank, number, *settings = sys.argv[1:]
    signalled(int(update), int(rank), getattr(signal, number, 0))
    if (Path(folder) / "run").is_dir():
        resume(Path(folder) / "run")
    else:
        train(configuration(Path(folder), *parse_train([f"--{setting}" for setting in settings]).overrides))


if __name__ == "__main__":
    main()
