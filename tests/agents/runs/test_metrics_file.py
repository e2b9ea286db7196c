"""Lines of metrics outlive a kill, a full disk, and going back."""

import os

import pytest

from agents.runs.metrics_file import MetricsFile
from textgym.errors import CheckpointError


def test_lines_are_read_back_and_a_cut_one_is_left_out(tmp_path):
    metrics = MetricsFile(tmp_path / "m.jsonl")
    assert list(metrics.read()) == []
    metrics.write({"a": 1, "b": float("nan")})
    with metrics.path.open("a") as file:
        file.write('{"cut')
    assert list(metrics.read()) == [{"a": 1, "b": None}]


def test_going_back_to_a_mark_leaves_no_seam(tmp_path):
    metrics = MetricsFile(tmp_path / "m.jsonl")
    assert metrics.mark() == 0
    metrics.write({"a": 1})
    mark = metrics.mark()
    metrics.write({"a": 2})
    with metrics.path.open("a") as file:
        file.write('{"cut')
    metrics.check(mark)
    metrics.go_back(mark)
    metrics.write({"a": 3})
    assert list(metrics.read()) == [{"a": 1}, {"a": 3}]
    metrics.path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=rf"has 0 bytes and had {mark} then: lines have gone"):
        metrics.check(mark)


def test_what_a_full_disk_does_not_take_is_told_and_written_later(tmp_path, capsys, monkeypatch):
    metrics = MetricsFile(tmp_path / "m.jsonl")
    metrics.write({"a": 1})
    metrics.path.rename(tmp_path / "kept")
    metrics.path.symlink_to("/dev/full")
    metrics.write({"a": 2})
    metrics.write({"a": 3})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "m.jsonl could not be written: [Errno 28] No space left on device; learning goes on" in said[0]
    with pytest.raises(CheckpointError, match="lacks its last lines"):
        metrics.mark()
    (tmp_path / "kept").replace(metrics.path)
    metrics.mark()
    assert list(metrics.read()) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_part_of_a_line_is_taken_back(tmp_path, monkeypatch, capsys):
    metrics = MetricsFile(tmp_path / "m.jsonl")
    metrics.write({"a": 1})
    size = metrics.size

    class Short:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, data):
            with open(metrics.path, "ab") as file:
                return file.write(data[:3])

    real = type(metrics.path).open
    monkeypatch.setattr(
        type(metrics.path), "open", lambda self, mode="r", **k: Short() if "a" in mode else real(self, mode, **k)
    )
    metrics.write({"a": 2})
    assert os.path.getsize(metrics.path) == size
    monkeypatch.undo()
    metrics.write({"a": 3})
    assert list(metrics.read()) == [{"a": 1}, {"a": 2}, {"a": 3}]
