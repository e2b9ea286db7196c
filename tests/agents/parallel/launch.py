"""Starts processes that learn together, as a user would, through Accelerate's launcher."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT

PRESETS = ROOT / "agents" / "presets" / "accelerate"
NEEDS_DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs the extra 'deepspeed'")
ZERO2 = pytest.param("deepspeed_zero2", marks=NEEDS_DEEPSPEED)


def launch(
    module: str, *arguments: object, processes: int = 2, timeout: float = 120, preset: str = "cpu_two_processes"
) -> subprocess.CompletedProcess:
    """Run a module in several processes of one thread each; return how they ended and what they said."""
    file = PRESETS / f"{preset}.yaml"
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", file, "--num_processes"]
    command = [*launcher, processes, "-m", module, *arguments]
    alone = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
    inherited = {name: value for name, value in os.environ.items() if name not in alone}
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    given = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=timeout, cwd=ROOT, env={**inherited, **given}
    )


def weights_in(folder: Path) -> dict:
    """Return the weights of a checkpoint, value head included."""
    from safetensors.torch import load_file

    model, head = folder / "model" / "model.safetensors", folder / "value_head.safetensors"
    return load_file(model) | {f"value.{name}": weight for name, weight in load_file(head).items()}


def largest_difference(one: dict, other: dict) -> float:
    """Return how far the weights of two networks are from each other at most."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
