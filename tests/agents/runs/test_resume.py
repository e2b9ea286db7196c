"""Runs go on after an interruption at any moment, to the last bit."""

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runs.phase_learning import Learning
from agents.runs.run_folder import RunFolder
from agents.runs.run_lock import run_lock
from agents.train import resume, train
from tests.agents.interrupted import copied_at, small, trace
from tests.conftest import ROOT
from textgym.errors import CheckpointError, ConfigError

A2C = [
    ("warm_start.enabled", "false"),
    ("reinforcement.algorithm", "A2C"),
    ("reinforcement.options", "{rollout_responses: 8, learning_rate: 1e-3}"),
]


def silently(line):
    pass


@pytest.fixture
def copy(killed, tmp_path):
    """Give a copy of one of those folders."""

    def copied(name):
        return shutil.copytree(killed / name, tmp_path / name)

    return copied


def newest(path):
    return str(RunFolder(path).last_checkpoint().relative_to(path / "checkpoints"))


def contents(path):
    files = (file for file in path.rglob("*") if file.is_file() and file.name != ".lock")
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.timeout(1200)
def test_sft_ppo_and_a2c_go_on_to_the_last_bit_in_another_process(copy, killed, tmp_path):
    with copied_at(tmp_path / "run", tmp_path, updates=[4]):
        train(small(tmp_path, *A2C), silently)
    paths = [copy(f"before-{moment}") for moment in ("update-8", "update-35", "update-42", "judgement-6")]
    assert [newest(path) for path in paths] == [
        "steps/warm-start/step_000000054",
        "warm-start",
        "steps/reinforcement/step_000000140",
        "reinforcement",
    ]
    again = f"{paths[0]}@33"  # is interrupted a second time, in its reinforcement
    command = [again, *map(str, paths[1:]), f"{tmp_path / 'before-update-4'}@3"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.agents.interrupted", *command],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    traces = json.loads(result.stdout)
    sft_and_ppo, a2c = trace(killed / "run"), trace(tmp_path / "run")
    assert len(traces) == 7
    for path, found in traces.items():
        is_a2c = Path(path).name.removesuffix("-again") == "before-update-4"
        assert found == (a2c if is_a2c else sft_and_ppo), path


def test_a_run_without_a_checkpoint_begins_again(copy, killed):
    path = copy("before-update-1")
    with pytest.raises(ConfigError, match="has no checkpoint yet: it stopped before the first one"):
        newest(path)
    assert trace(resume(path, say=silently)) == trace(killed / "run")


def test_a_changed_checkpoint_is_named_and_the_one_before_it_used(copy, killed):
    path = copy("before-update-42")
    step = path / "checkpoints" / "steps" / "reinforcement"
    folders = sorted(step.iterdir())
    data = bytearray((folders[-1] / "optimizer.safetensors").read_bytes())
    data[-9] ^= 4
    (folders[-1] / "optimizer.safetensors").write_bytes(data)
    os.truncate(folders[-2] / "manifest.json", 99)
    said = []
    resume(path, say=said.append)
    warnings = [line for line in said if line.startswith("warning")]
    assert len(warnings) == 2
    assert f"{folders[-1].name}/optimizer.safetensors has changed since it was written: expected " in warnings[0]
    assert f"{folders[-2].name}" in warnings[1]
    assert all("The checkpoint before it is used" in line for line in warnings)
    assert {folder.name for folder in step.glob("*.damaged")} == {f"{folder.name}.damaged" for folder in folders[-2:]}
    assert trace(path) == trace(killed / "run")


def test_without_a_checkpoint_that_can_be_used_nothing_is_touched(copy):
    path = copy("before-update-8")
    for file in path.glob("checkpoints/**/run.json"):
        file.write_text("{}")
    before = contents(path)
    with pytest.raises(CheckpointError, match=r"No checkpoint of .* can be used: begin a new run"):
        resume(path, say=silently)
    assert contents(path) == before


def test_with_lines_of_metrics_lost_an_older_checkpoint_is_used(copy, killed):
    path = copy("before-update-42")
    metrics = path / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-1700])
    said = []
    resume(path, say=said.append)
    assert any("then: lines have gone. The checkpoint before it is used" in line for line in said)
    assert trace(path) == trace(killed / "run")


def test_a_finished_run_tells_its_summary_and_changes_nothing(copy, killed):
    path = copy("run")
    said = []
    before = contents(path)
    assert resume(path, say=said.append) == path
    assert contents(path) == before
    text = "\n".join(said)
    assert "8 samples of" in text
    assert "edit_similarity corpus: edit_similarity" in text
    assert "responses differ between warm start and PPO" in text
    assert str(path / "learning_curve.png") in text
    told = (killed / "said").read_text()
    assert told.replace(str(killed), "").endswith(text.replace(str(path.parent), ""))  # what the run itself told


def test_a_row_that_the_evaluation_lacks_is_added_to_it(copy):
    path = copy("run")
    before = contents(path)
    stored = json.loads((path / "evaluation.json").read_text())
    stored["rows"].popitem()
    (path / "evaluation.json").write_text(json.dumps(stored))
    resume(path, say=silently)
    assert contents(path) == before


def test_rows_that_were_made_are_not_made_again(copy, monkeypatch):
    path = copy("before-judgement-6")
    judged = []
    monkeypatch.setattr("agents.runs.comparison.judge", lambda config, policy, greedy: judged.append(policy) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        resume(path, say=silently)
    assert judged == [path / "checkpoints" / "reinforcement"]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigError, match=rf"{path} is not a run folder: it has no config\.yaml"):
            resume(path)


def test_a_second_process_is_refused(copy):
    path = copy("before-update-8")
    with (
        run_lock(path / ".lock"),
        pytest.raises(ConfigError, match=f"Process {os.getpid()} on .* is at work in {path}"),
    ):
        resume(path)


def test_other_settings_are_refused_with_what_differs(copy):
    path = copy("before-update-8")
    config = RunFolder(path).config()
    other = dataclasses.replace(
        config, seed=3, num_envs=8, warm_start=dataclasses.replace(config.warm_start, batch_size=4)
    )
    match = r"num_envs was 4 and is 8; seed was 0 and is 3; warm_start.batch_size was 3 and is 4\. Leave them out"
    with pytest.raises(ConfigError, match=match):
        resume(path, other)


def test_what_may_change_is_told_and_noted(copy):
    path = copy("before-judgement-6")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["versions"]["torch"] = "1.0"
    (path / "manifest.json").write_text(json.dumps(manifest))
    config = RunFolder(path).config()
    checkpoints = dataclasses.replace(config.checkpoints, every_updates=5)
    said = []
    resume(path, dataclasses.replace(config, threads=2, checkpoints=checkpoints), say=said.append)
    warnings = [line for line in said if line.startswith("warning")]
    assert warnings[0].startswith("warning: threads was 1 and is 2: the numbers may differ")
    assert warnings[1].startswith("warning: versions.torch was 1.0 and is 2")
    assert len(warnings) == 2
    (note,) = json.loads((path / "manifest.json").read_text())["resumed"]
    assert note["checkpoint"] == "checkpoints/reinforcement"
    assert len(note["changes"]) == 2
    assert note["versions"]["torch"] != "1.0"


def test_changed_data_is_refused_unless_allowed(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    lines = [json.dumps({"prompt": word, "references": [word[0] * 2]}) for word in ("ab", "bcd", "dabca", "cab")]
    for split in ("train", "validation", "test"):
        (data / f"{split}.jsonl").write_text("\n".join(lines))
    kwargs = ("env_kwargs", json.dumps({"data": str(data), "tokenizer": "char:abcd"}))
    with copied_at(tmp_path / "run", tmp_path, updates=[4]):
        train(small(tmp_path, kwargs, *A2C), silently)
    (data / "train.jsonl").write_text("\n".join([*lines[:-1], lines[-1].replace("cab", "cba")]))
    path = tmp_path / "before-update-4"
    match = r"since the run began: data.train.fingerprint was sha256:\w{64} and is sha256:\w{64}\. Restore it"
    with pytest.raises(ConfigError, match=match):
        resume(path, say=silently)
    said = []
    resume(path, allow_data_change=True, say=said.append)
    assert any(line.startswith("warning: data.train.fingerprint was") for line in said)
    assert json.loads((path / "manifest.json").read_text())["resumed"][0]["changes"]


@pytest.fixture
def full_disk(monkeypatch):
    """A disk that takes all but the checkpoints on the way."""
    original = Learning._notes

    def notes(self, algorithm, complete):
        if complete:
            return original(self, algorithm, complete)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Learning, "_notes", notes)


def test_a_disk_that_takes_no_checkpoints_is_told_each_time_and_learning_goes_on(tmp_path, killed, full_disk):
    said = []
    train(small(tmp_path, ("checkpoints.every_updates", "10")), said.append)
    errors = [line for line in said if line.startswith("error")]
    assert len(errors) == 4
    assert all(line == "error: [Errno 28] No space left on device Learning goes on." for line in errors)
    assert trace(tmp_path / "run") == trace(killed / "run")


def test_a_strict_run_ends_with_an_error_then(copy, killed, full_disk):
    path = copy("before-update-42")
    config = RunFolder(path).config()
    strict = dataclasses.replace(config, checkpoints=dataclasses.replace(config.checkpoints, strict=True))
    with pytest.raises(CheckpointError, match=r"2 checkpoints of .*42 could not be written; see the errors above"):
        resume(path, strict, say=silently)
    assert trace(path) == trace(killed / "run")  # all the rest was done


def test_a_file_that_the_disk_does_not_take_is_named_with_the_way_on(tmp_path):
    (tmp_path / "responses").touch()
    match = r"responses/PPO\.json cannot be written: File exists.*textgym train --resume"
    with pytest.raises(ConfigError, match=match):
        RunFolder(tmp_path).write_json("responses/PPO.json", {})
