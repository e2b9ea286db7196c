"""Fingerprints change with the content of data, and with nothing else."""

import hashlib
import os

import pytest

from textgym import make_task
from textgym.core import Sample
from textgym.data import fingerprint, load_data
from textgym.errors import ConfigError, DataError

LIKE = make_task("translation")
ROW = '{"source": "p", "target": "4"}\n'


def test_fingerprint_of_a_file_is_the_hash_of_its_content(tmp_path):
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_text(ROW)
    os.utime(paths[1], (1, 1))
    told = [fingerprint(load_data(path, LIKE), "train") for path in paths]
    assert told == [f"sha256:{hashlib.sha256(ROW.encode()).hexdigest()}"] * 2
    paths[0].write_text(ROW.replace("4", "5"))
    assert fingerprint(load_data(paths[0], LIKE), "train") != told[0]


def test_a_file_that_changed_while_it_is_open_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(ROW)
    task = load_data(path, LIKE)
    path.write_text(ROW * 2)
    with pytest.raises(DataError, match="changed after it was opened"):
        fingerprint(task, "train")


def test_large_files_are_hashed_in_part_and_their_size_counts(tmp_path, monkeypatch):
    from textgym.data.fingerprints import of_files

    monkeypatch.setattr("textgym.data.fingerprints.WHOLE", 1_000)
    monkeypatch.setattr("textgym.data.fingerprints.BLOCKS", 10)
    monkeypatch.setattr("textgym.data.fingerprints.BLOCK", 100)
    path = tmp_path / "a"
    content = bytearray(range(250)) * 20

    def of(data):
        path.write_bytes(data)
        return of_files([path])

    told = of(content)
    assert told.startswith("sha256-of-blocks:5000:")
    assert of(content) == told
    for changed in (0, 4_999):  # the first and the last byte lie in blocks
        assert of(content[:changed] + b"\xff" + content[changed + 1 :]) != told
    assert of(content + b"\0") != told


def test_other_samples_are_told_by_their_number_and_what_they_say():
    def of(samples):
        return fingerprint(load_data(samples, LIKE), "train")

    samples = [Sample(f"p{i}", f"r{i}") for i in range(2_500)]
    assert of(samples) == of(list(samples))
    assert of(samples) != of(samples[:-1])
    assert of(samples) != of(samples[::-1])
    assert of([Sample("a", ("b", "c"))]) != of([Sample("a", ("bc",))])


def test_registered_tasks_have_fingerprints_by_split():
    told = {split: fingerprint(make_task("translation", test_size=9), split) for split in ("train", "test")}
    assert told["train"] == fingerprint(make_task("translation"), "train") != told["test"]
    assert told["train"] != fingerprint(make_task("translation", train_size=99_999), "train")
    with pytest.raises(ConfigError, match="no split 'trian'"):
        fingerprint(LIKE, "trian")
