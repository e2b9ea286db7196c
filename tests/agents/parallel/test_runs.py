"""Runs of several processes: what they write, how they stop, and how they go on."""

import json
from pathlib import Path

import pytest
import torch

from agents.runs.run_folder import RunFolder
from agents.train import resume, train
from tests.agents.interrupted import TIMES
from tests.agents.parallel.interrupted import configuration
from tests.agents.parallel.launch import ZERO2, largest_difference, launch, weights_in

pytest.importorskip("accelerate", reason="several processes need the extra 'parallel'")
RUN = "tests.agents.parallel.interrupted"
SIGNAL_FREE = (0, 0, "none")  # update, rank, signal


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run in one process."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("alone")
    train(configuration(folder), say=lambda line: None)
    return folder / "run"


def learned(run: Path) -> dict[str, torch.Tensor]:
    return {
        f"{phase}.{name}": weight
        for phase in ("warm-start", "reinforcement")
        for name, weight in weights_in(run / "checkpoints" / phase).items()
    }


def rows(run: Path) -> list[dict]:
    lines = RunFolder(run).metrics().read()
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def assert_equal_runs(run: Path, other: Path) -> None:
    """Assert that two runs have learned and told the same, to 1e-5."""
    assert largest_difference(learned(run), learned(other)) < 1e-5
    assert len(rows(run)) == len(rows(other))
    for row, twin in zip(rows(run), rows(other), strict=True):
        assert (row.pop("phase"), row.keys()) == (twin.pop("phase"), twin.keys())
        assert row == pytest.approx(twin, rel=1e-3, abs=1e-5)
    tables = [json.loads((folder / "evaluation.json").read_text())["rows"] for folder in (run, other)]
    assert tables[0].keys() == tables[1].keys()


@pytest.mark.parametrize("preset", ["cpu_two_processes", ZERO2])
def test_a_process_that_is_killed_ends_the_run_with_a_reason_and_one_process_goes_on(alone, tmp_path, preset):
    ended = launch(RUN, tmp_path, 41, 1, "SIGKILL", preset=preset)
    assert ended.returncode != 0
    assert "Process 1 of 2 (pid" in ended.stderr
    assert "ended in mid-run" in ended.stderr
    assert "--resume" in ended.stderr
    assert not (tmp_path / "run" / "evaluation.json").read_text().count("PPO")
    said: list[str] = []
    resume(tmp_path / "run", say=said.append)
    assert any("processes was 2 and is 1" in line for line in said)
    assert_equal_runs(tmp_path / "run", alone)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["processes"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["cpu_two_processes", "fsdp", ZERO2])
def test_a_run_of_two_processes_is_that_of_one_and_written_once(alone, tmp_path, preset):
    ended = launch(RUN, tmp_path, *SIGNAL_FREE, preset=preset)
    assert ended.returncode == 0, ended.stderr
    assert_equal_runs(tmp_path / "run", alone)
    files = [sorted(str(p.relative_to(run)) for p in run.rglob("*")) for run in (tmp_path / "run", alone)]
    assert files[0] == files[1]
    assert ended.stdout.count("\nuntrained: ") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("update", [20, 41])
def test_a_signal_to_one_process_stops_all_after_the_same_update_and_two_go_on(alone, tmp_path, update, number):
    ended = launch(RUN, tmp_path, update, 1, number)
    assert ended.returncode != 0
    assert "stopping after this update" in ended.stderr
    assert "ended in mid-run" not in ended.stderr
    steps = sorted((tmp_path / "run" / "checkpoints" / "steps").glob("*/step_*"))
    assert steps
    ended = launch(RUN, tmp_path, *SIGNAL_FREE)
    assert ended.returncode == 0, ended.stderr
    assert_equal_runs(tmp_path / "run", alone)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["cpu_two_processes", "fsdp", ZERO2])
@pytest.mark.parametrize("update", [18, 41])
def test_two_processes_go_on_with_the_run_of_one(alone, tmp_path, preset, update):
    ended = launch(RUN, tmp_path, update, 0, "SIGKILL", processes=1)
    assert ended.returncode != 0
    ended = launch(RUN, tmp_path, *SIGNAL_FREE, preset=preset)
    assert ended.returncode == 0, ended.stderr
    assert_equal_runs(tmp_path / "run", alone)


@pytest.mark.slow
def test_one_process_under_the_launcher_gives_the_same_bits(alone, tmp_path):
    ended = launch(RUN, tmp_path, *SIGNAL_FREE, processes=1)
    assert ended.returncode == 0, ended.stderr
    assert largest_difference(learned(tmp_path / "run"), learned(alone)) == 0
    assert rows(tmp_path / "run") == rows(alone)


@pytest.mark.slow
def test_the_warm_start_is_continued_by_all(tmp_path):
    ended = launch(RUN, tmp_path, *SIGNAL_FREE, "evaluation.continued_warm_start=true")
    assert ended.returncode == 0, ended.stderr
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert "warm start continued" in evaluation["rows"]
    assert evaluation["problem"] is None


@pytest.mark.slow
def test_a_process_that_hangs_ends_the_run_after_the_time_that_was_set(tmp_path):
    ended = launch(RUN, tmp_path, 41, 1, "SIGSTOP", "parallel.timeout_seconds=5")
    assert ended.returncode != 0
    assert "A process did not answer for 5 seconds" in ended.stderr


@pytest.mark.slow
def test_lanes_that_cannot_be_shared_are_refused_in_a_sentence(tmp_path):
    ended = launch(RUN, tmp_path, *SIGNAL_FREE, "num_envs=5")
    assert ended.returncode != 0
    assert "num_envs must be a multiple of the 2 processes that share it, got 5" in ended.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "message"), [("different", "at different places of the program"), ("hangs", "did not answer for 5 seconds")]
)
def test_processes_that_do_different_things_and_those_that_hang_before_a_file_is_written_are_told(way, message):
    ended = launch("tests.agents.parallel.astray", way)
    assert ended.returncode != 0
    assert message in ended.stderr
