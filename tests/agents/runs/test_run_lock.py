"""One process at a time works in a run folder, and a dead one holds nothing."""

import errno
import fcntl
import json
import os
import subprocess
import sys

import pytest

from agents.runs.run_lock import run_lock
from tests.conftest import ROOT
from textgym.errors import ConfigError

HOLD = """
import sys, time
from pathlib import Path
from agents.runs.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock, until it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(tmp_path, holder):
    match = rf"Process {holder.pid} on \S+ is at work in {tmp_path}: wait until it has ended, or end it"
    for _ in range(2):  # a refusal changes nothing
        with pytest.raises(ConfigError, match=match), run_lock(tmp_path / ".lock"):
            pass
    holder.kill()
    holder.wait()
    with run_lock(tmp_path / ".lock"):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".lock").exists()


def test_who_waits_gets_the_lock_of_one_that_ends(tmp_path, holder):
    with pytest.raises(ConfigError), run_lock(tmp_path / ".lock"):
        pass
    holder.kill()
    with run_lock(tmp_path / ".lock", wait=True):
        assert (tmp_path / ".lock").exists()


def test_without_locks_in_the_file_system_a_living_process_is_believed(tmp_path, holder, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(ConfigError, match=f"Process {holder.pid}"), run_lock(tmp_path / ".lock"):
        pass
    holder.kill()
    holder.wait()
    with run_lock(tmp_path / ".lock"):
        pass
    for told in ('{"pid": "x", "host": 1, "boot": null}', '{"pi', ""):
        (tmp_path / ".lock").write_text(told)
        with run_lock(tmp_path / ".lock"):
            pass


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    match = r"The lock .*absent/\.lock cannot be written: No such file"
    with pytest.raises(ConfigError, match=match), run_lock(tmp_path / "absent" / ".lock"):
        pass
