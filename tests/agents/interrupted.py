"""Runs that are killed: copies of a run folder as a kill would leave it, and what must be equal afterwards.

``python -m tests.agents.interrupted FOLDER[@N]...`` goes on with each run and prints its trace, in a new process.
"""

import hashlib
import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import torch

from agents.config.config_reader import read_config
from agents.config.run_config import RunConfig
from agents.runs import comparison
from agents.runs.checkpointer import Checkpointer
from agents.runs.run_folder import RunFolder
from agents.train import resume
from tests.agents.tiny import MODELS

ENV = "tests.agents.tiny:test/Letters-v0"  # with its module, so that another process can make it too
TIMES = ("seconds", "tokens_per_second", "time/fps", "time/time_elapsed")
SMALL = f"""
env: {ENV}
num_envs: 4
model: {json.dumps(MODELS["gpt2"])}
warm_start: {{learning_rate: 1e-2, batch_size: 3, total_timesteps: 300, evaluate_every: 10, validation_samples: 8}}
reinforcement: {{total_timesteps: 250, options: {{rollout_responses: 8, batch_size: 16, kl_coef: 0.1}}}}
evaluation:
  rewards: [edit_similarity]
  num_samples: 8
  continued_warm_start: false
  curve_every_timesteps: 100
  curve_samples: 8
checkpoints: {{every_seconds: null, every_updates: 2}}
"""


def small(folder: Path, *overrides: tuple[str, str]) -> RunConfig:
    file = folder / "small.yaml"
    file.write_text(SMALL)
    return read_config(RunConfig, [file], [("run_folder", str(folder / "run")), *overrides])


def trace(path: Path) -> dict:
    """Return what a run has learned and told, without what measures time."""
    run = RunFolder(path)
    rows = [{k: v for k, v in row.items() if k not in TIMES} for row in run.metrics().read()]
    return {
        "metrics": rows,
        "evaluation": json.loads((path / "evaluation.json").read_text())["rows"],
        "files": {
            f"{name}/{file.relative_to(run.checkpoints / name)}": hashlib.sha256(file.read_bytes()).hexdigest()
            for name in ("warm-start", "reinforcement")
            for file in sorted((run.checkpoints / name).rglob("*.safetensors"))
        },
        "states": {
            name: _state(run.checkpoints / name / "training_state.json")
            for name in ("warm-start", "reinforcement")
            if (run.checkpoints / name).is_dir()
        },
    }


def _state(file: Path) -> dict:
    state = json.loads(file.read_text())
    for episode in state["episodes"]:
        del episode["t"]
    del state["counters"]["_num_timesteps_at_start"]  # from which on the speed is measured
    return state


@contextmanager
def copied_at(run: Path, to: Path, updates=(), judgements=()):
    """Copy the folder of a run as a kill would leave it, before the given updates and judgements, counted from 1."""
    with (
        _copied(Checkpointer, "_on_rollout_start", run, {n: to / f"before-update-{n}" for n in updates}),
        _copied(comparison, "judge", run, {n: to / f"before-judgement-{n}" for n in judgements}),
    ):
        yield


@contextmanager
def _copied(owner, name, run, copies):
    original, count = getattr(owner, name), 0

    def counted(*arguments):
        nonlocal count
        count += 1
        if count in copies:
            shutil.copytree(run, copies[count])
            (copies[count] / "learning_curve.png").touch()  # so that it is not drawn, which takes long
        return original(*arguments)

    setattr(owner, name, counted)
    try:
        yield
    finally:
        setattr(owner, name, original)


def main() -> None:
    """Go on with each run; those with a number are interrupted again, before so many updates, and go on once more."""
    torch.set_num_threads(1)
    traces = {}
    for argument in sys.argv[1:]:
        path, _, number = argument.partition("@")
        again = Path(f"{path}-again")
        with copied_at(Path(path), again, [int(number)] if number else []):
            resume(path, say=lambda line: None)
        traces[path] = trace(Path(path))
        if number:
            resume(again / f"before-update-{number}", say=lambda line: None)
            traces[str(again)] = trace(again / f"before-update-{number}")
    print(json.dumps(traces))


if __name__ == "__main__":
    main()
