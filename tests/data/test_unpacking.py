"""Compressed files are unpacked once, whole or not at all, and bombs are refused."""

import gzip
import json
import os

import pytest

from textgym import make_task
from textgym.data import load_data
from textgym.data.unpacking import SPARE, unpacked
from textgym.errors import DataError

LIKE = make_task("translation")
CONTENT = b'{"prompt": "p", "reference": "r"}\n' * 100


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "unpacked"


def test_a_file_is_unpacked_once_wherever_it_lies(tmp_path, cache):
    packed = gzip.compress(CONTENT)
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    (tmp_path / "b.jsonl.gz").write_bytes(packed)
    copy = unpacked(tmp_path / "a.jsonl.gz")
    assert copy.read_bytes() == CONTENT
    assert unpacked(tmp_path / "b.jsonl.gz") == copy
    assert os.listdir(cache) == [copy.name]
    assert unpacked(tmp_path / "plain.jsonl") == tmp_path / "plain.jsonl"
    assert len(load_data(tmp_path / "a.jsonl.gz", LIKE).samples("train")) == 100


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(CONTENT)[:-9], gzip.compress(CONTENT)[:40], b""])
def test_what_is_no_whole_gzip_is_refused_and_leaves_nothing(tmp_path, cache, content):
    (tmp_path / "a.jsonl.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"a.jsonl.gz (is no whole gzip file \(.*\): fetch it again|has 0 rows)"):
        load_data(tmp_path / "a.jsonl.gz", LIKE)
    assert [name for name in os.listdir(cache) if name.endswith(".tmp")] == []


def test_a_bomb_is_refused_and_leaves_nothing(tmp_path, cache):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"\0" * (SPARE + 2**24)))
    with pytest.raises(DataError, match=r"a.csv.gz unpacks to more than .* bytes, over 50 times its size, which text"):
        load_data(tmp_path / "a.csv.gz", LIKE)
    assert os.listdir(cache) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "file"))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(CONTENT))
    with pytest.raises(
        DataError, match=r"a.jsonl.gz must be unpacked, and .*file/unpacked cannot be written \(Not a d"
    ):
        load_data(tmp_path / "a.jsonl.gz", LIKE)


def test_a_changed_file_is_unpacked_anew(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    for prompt in ("p", "q"):
        path.write_bytes(gzip.compress(json.dumps({"prompt": prompt, "reference": "r" * len(prompt)}).encode()))
        os.utime(path, (ord(prompt), ord(prompt)))
        assert load_data(path, LIKE).samples("train")[0].prompt == prompt


def test_a_cache_that_was_emptied_meanwhile_is_filled_again(tmp_path, cache):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(CONTENT))
    samples = load_data(path, LIKE).samples("train")
    for copy in cache.iterdir():
        copy.unlink()
    assert samples[5].prompt == "p"
    assert len(list(cache.iterdir())) == 1
