"""Ctrl-C and SIGTERM: the update is finished and saved, the exit code tells, and the run goes on from there."""

import math
import os
import shutil
import signal
import time
from multiprocessing import Event

import pytest

from agents.commands import find_subject
from agents.commands.training import parse_train
from agents.runs import continuation
from agents.runs.checkpointer import Checkpointer
from agents.runs.continuation import Continuation, _learn_on
from agents.runs.phase import CONTINUED
from agents.runs.run_folder import RunFolder
from tests.agents.interrupted import SMALL, copied_at, small, trace
from textgym.cli import main
from textgym.errors import ConfigError


@pytest.fixture
def signal_before_update(monkeypatch):
    """Let this process get a signal while an update is going on."""

    def install(number, when, twice=False):
        original, count = Checkpointer._on_step, 0

        def step(self):
            nonlocal count
            count += 1
            if count == when:
                os.kill(os.getpid(), number)
                if twice:
                    os.kill(os.getpid(), number)
            return original(self)

        monkeypatch.setattr(Checkpointer, "_on_step", step)

    return install


@pytest.fixture
def command(tmp_path):
    """A command line that begins a run, without checkpoints by the clock or by number."""
    (tmp_path / "small.yaml").write_text(SMALL)
    never = ["--checkpoints.every_updates", "null"]
    return ["train", "--config", str(tmp_path / "small.yaml"), "--run_folder", str(tmp_path / "run"), *never]


@pytest.fixture(scope="module")
def whole(killed):
    """What an uninterrupted run leaves."""
    return trace(killed / "run")


def test_ctrl_c_finishes_the_update_saves_it_and_tells_how_to_go_on(
    tmp_path, command, whole, signal_before_update, monkeypatch, capsys
):
    run = tmp_path / "run"
    signal_before_update(signal.SIGINT, 12)
    assert main(command) == 130
    monkeypatch.undo()
    said = capsys.readouterr()
    assert f"interrupted; to go on: textgym train --resume {run}" in said.out
    assert "Traceback" not in said.err
    assert RunFolder(run).last_checkpoint().name == "step_000000108"  # 12 updates of 9 tokens
    assert not (run / ".lock").exists()
    assert main(["train", "--resume", str(run)]) == 0
    assert trace(run) == whole


def test_sigterm_in_reinforcement_ends_with_143_and_loses_nothing(
    tmp_path, command, whole, signal_before_update, monkeypatch
):
    signal_before_update(signal.SIGTERM, 38)  # after 34 updates of the warm start, in the first rollout
    with pytest.raises(SystemExit) as ending:
        main(command)
    assert ending.value.code == 143
    monkeypatch.undo()
    assert "steps/reinforcement" in str(RunFolder(tmp_path / "run").last_checkpoint())
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    assert trace(tmp_path / "run") == whole


def test_a_second_signal_ends_at_once(tmp_path, command, signal_before_update):
    signal_before_update(signal.SIGINT, 12, twice=True)
    assert main(command) == 130
    with pytest.raises(ConfigError, match="no checkpoint yet"):
        RunFolder(tmp_path / "run").last_checkpoint()


def test_the_command_line_of_resuming(tmp_path, capsys):
    request = parse_train(["--resume", "~/run", "--allow-data-change", "--checkpoints.keep_last", "5"])
    assert request.resume is not None
    assert request.resume.name == "run"
    assert "~" not in str(request.resume)
    assert request.allow_data_change
    assert request.overrides == [("checkpoints.keep_last", "5")]
    with pytest.raises(ConfigError, match="--allow-data-change is for a run that goes on: give --resume"):
        parse_train(["x", "--allow-data-change"])
    assert main(["train", "--resume", str(tmp_path)]) == 2
    assert f"error: {tmp_path} is not a run folder" in capsys.readouterr().err
    assert main(["train", "--help"]) == 0
    assert "textgym train --resume RUN_FOLDER" in capsys.readouterr().out


def test_a_run_that_is_under_way_can_be_evaluated(killed):
    path = killed / "before-update-8"
    last = path / "checkpoints" / "steps" / "warm-start" / "step_000000054"
    assert find_subject(str(path), None).policy == str(last)
    assert find_subject(str(last), None)[:2] == (str(last), "tests.agents.tiny:test/Letters-v0")


def test_ctrl_c_does_not_reach_the_process_of_the_continued_warm_start(tmp_path, capfd):
    run = RunFolder.create(tmp_path / "run", small(tmp_path), {})
    with Continuation(small(tmp_path), run) as process:
        for _ in range(8):  # it is importing all this time
            os.kill(process._process.pid, signal.SIGINT)
            time.sleep(0.05)
        assert process._process.is_alive()
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])  # it reaches this one
    assert capfd.readouterr().err == ""


class Updates:
    """A limit of seconds that is over after so many updates, on a machine of any speed."""

    def __init__(self, count):
        self.left = count

    @property
    def value(self):
        self.left -= 1
        return math.inf if self.left > 0 else 0.0


def test_the_continued_warm_start_goes_on_from_its_own_checkpoint(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(continuation, "_parent_lives", lambda: True)
    config = small(tmp_path, ("evaluation.continued_warm_start", "true"))
    path = shutil.copytree(killed / "before-judgement-5", tmp_path / "run")
    begin = Event()
    begin.set()
    with copied_at(path, tmp_path / "child", updates=[8]):
        _learn_on(config, RunFolder(path), begin, Updates(30))
    assert (path / "checkpoints" / "warm-start-continued").is_dir()
    run = RunFolder(tmp_path / "child" / "before-update-8")
    before = list(run.metrics(CONTINUED.metrics).read())
    steps = run.steps(CONTINUED.checkpoint).newest_first()
    assert len(steps) == 3
    with (run.path / CONTINUED.metrics).open("a") as file:
        file.write('{"phase": "warm start continued", "step": 99999999, "cut')
    _learn_on(config, run, begin, Updates(30))
    after = list(run.metrics(CONTINUED.metrics).read())
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert [row["step"] for row in after] == sorted(row["step"] for row in after)
    assert [row["seconds"] for row in after] == sorted(row["seconds"] for row in after)
    assert sum(row["step"] == before[0]["step"] for row in after) == 1  # it did not begin again
    assert RunFolder(run.path).checkpoints.joinpath("warm-start-continued").is_dir()
    kept = after[-1]
    _learn_on(config, run, begin, Updates(30))  # has ended: nothing is left to do
    assert list(run.metrics(CONTINUED.metrics).read())[-1] == kept


def test_a_continued_warm_start_whose_checkpoints_are_damaged_begins_again(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(continuation, "_parent_lives", lambda: True)
    config = small(tmp_path, ("evaluation.continued_warm_start", "true"))
    run = RunFolder(shutil.copytree(killed / "before-judgement-5", tmp_path / "run"))
    shutil.copytree(run.checkpoints / "warm-start", run.steps(CONTINUED.checkpoint).folder(7))
    begin = Event()
    begin.set()
    (run.path / CONTINUED.metrics).write_text('{"step": 1}\n')
    _learn_on(config, run, begin, Updates(5))
    assert next(run.metrics(CONTINUED.metrics).read())["step"] > 1
    assert (run.checkpoints / "warm-start-continued").is_dir()
