"""Runs go on after an interruption at any moment, to the last bit."""

import json
import os
import subprocess
import sys

from agents.run_folder import RunFolder
from agents.train import train
from tests.agents.interrupted import copied_at, small, trace
from tests.conftest import ROOT


def resumed_elsewhere(again, *paths):
    """Go on with runs in a new process with another hash seed; return their traces."""
    command = [sys.executable, "-m", "tests.agents.interrupted", str(again), *map(str, paths)]
    environment = os.environ | {"PYTHONHASHSEED": "4242"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def newest(path):
    return str(RunFolder(path).last_checkpoint().relative_to(path / "checkpoints"))


def test_sft_and_ppo_go_on_to_the_last_bit(tmp_path):
    run = tmp_path / "run"
    with copied_at(run, tmp_path, updates=[8, 35, 42], judgements=[6]):
        train(small(tmp_path), say=lambda line: None)
    killed = [tmp_path / f"before-{moment}" for moment in ("update-8", "update-35", "update-42", "judgement-6")]
    assert [newest(path) for path in killed] == [
        "steps/warm-start/step_000000054",
        "warm-start",
        "steps/reinforcement/step_000000165",
        "reinforcement",
    ]
    expected, traces = trace(run), resumed_elsewhere(33, *killed)
    assert len(traces) == 5  # the first one was interrupted again, in its reinforcement
    for path, found in traces.items():
        assert found == expected, path


def test_a2c_goes_on_to_the_last_bit(tmp_path):
    run = tmp_path / "run"
    overrides = [("warm_start.enabled", "false"), ("reinforcement.algorithm", "A2C")]
    options = ("reinforcement.options", "{rollout_responses: 8, learning_rate: 1e-3}")
    with copied_at(run, tmp_path, updates=[4]):
        train(small(tmp_path, *overrides, options), say=lambda line: None)
    expected, traces = trace(run), resumed_elsewhere(3, tmp_path / "before-update-4")
    assert len(traces) == 2
    for path, found in traces.items():
        assert found == expected, path
