"""Parallel text: lines of the same number belong together, in plain and in compressed files and in folders."""

import gzip
import pickle

import pytest

from benchmarks.multi30k import convert
from textgym import make_task
from textgym.core import Sample
from textgym.data import lazy, load_data
from textgym.data.parallel import ParallelText
from textgym.data.rules import Rules
from textgym.errors import ConfigError, DataError

LIKE = make_task("translation")
ENGLISH, GERMAN = "one\n two \u2028 more \nthree", "eins\nzwei\r\ndrei\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes):
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.mark.parametrize("end", ["", ".gz"])
def test_lines_belong_together_without_the_white_space_around_them(write, end):
    pair = {"prompt": write(f"a.en{end}", ENGLISH), "references": str(write(f"a.de{end}", GERMAN))}
    samples = load_data(pair, LIKE).samples("train")
    assert list(samples) == [Sample("one", "eins"), Sample("two \u2028 more", "zwei"), Sample("three", "drei")]
    assert samples[2] == samples[-1] == Sample("three", "drei")
    assert samples.where(1) == f"{pair['prompt']}:2"


def test_several_files_of_references_and_several_splits(write):
    english, german, other = (write(name, "a\nb\n") for name in ("x.en", "x.de0", "x.de1"))
    task = load_data(
        {"train": {"prompt": english, "references": [german, other]}, "test": {"prompt": other, "references": german}},
        LIKE,
    )
    assert list(task.samples("train")) == [Sample("a", ("a", "a")), Sample("b", ("b", "b"))]
    assert task.splits == ("train", "test")


@pytest.mark.parametrize(
    ("german", "message"),
    [
        (b"eins\nzwei\n", r"a.en has 3 lines, and /.*a.de has 2: line i of one must belong to line i of the other"),
        (b"eins\nzwei\ndrei\n\n", "a.en has 3 lines, and /.*a.de has 4"),
        (b"eins\n \ndrei\n", "a.en:2: the line of a.de is blank. Give it text, or remove the line from all files"),
        ("eins\n\u3000\ndrei\n".encode(), "a.en:2: the line of a.de is blank"),
        (b"eins\nzwei\xff\ndrei\n", r"a.en:2 of a.de: byte 5 \(0xff\) is not UTF-8"),
        (b"eins\n%s\ndrei\n" % (b"x" * 100_000), r"a.en:2: 100,0\d\d characters of text, more than max_chars"),
    ],
)
@pytest.mark.parametrize("checked", [1, 10_000], ids=["when read", "when opened"])
def test_bad_lines_are_refused_with_their_file(write, monkeypatch, german, message, checked):
    monkeypatch.setattr(lazy, "CHECKED", checked)
    english, foreign = write("a.en", ENGLISH), write("a.de", german)
    with pytest.raises(DataError, match=message):
        ParallelText(english, foreign)[1]
    if "has 3 lines" not in message:
        rows = ParallelText(english, foreign, rules=Rules(on_bad_row="skip"))
        assert [row.prompt for row in rows] == [rows[0].prompt, rows[1].prompt] == ["one", "three"]
        assert rows.where(1) == f"{english}:3"
        assert rows.skipped.count == 1


def test_many_lines_that_begin_with_space_are_no_reason_to_refuse_them(write, monkeypatch):
    monkeypatch.setattr(lazy, "CHECKED", 10)
    path = write("a.en", "".join(f" {i}\n" for i in range(100)))
    rows = ParallelText(path, path)
    assert [row.prompt for row in rows] == list(map(str, range(100)))


def test_empty_files_have_no_rows(write):
    with pytest.raises(DataError, match=r"a\.en has 0 rows. Write one prompt a line"):
        ParallelText(write("a.en", ""), write("a.de", ""))


@pytest.mark.parametrize(
    ("pair", "error", "message"),
    [
        ({"prompt": "a.en"}, ConfigError, "Parallel text is"),
        ({"prompt": "a.en", "references": []}, ConfigError, "Parallel text is"),
        ({"prompt": 7, "references": ["a.de"]}, ConfigError, "Parallel text is .* got {'prompt': 7"),
        ({"train": {"prompt": "a.en", "reference": "a.de"}}, ConfigError, "Parallel text is .* for the split 'train'"),
        ({"prompt": "a.em", "references": "a.de"}, DataError, "no file or folder .*a.em. Nearest there: a.en"),
        ({"prompt": "a.en", "references": "a.fr"}, DataError, "no file or folder .*a.fr. Nearest there: a.en"),
    ],
)
def test_what_is_no_pair_is_refused(write, monkeypatch, tmp_path, pair, error, message):
    write("a.en", ENGLISH)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        load_data(pair, LIKE)


def test_folder_is_read_by_the_languages_that_columns_name(write, tmp_path):
    for name in ("train.en", "train.de", "train.fr.gz", "val.en", "val.de", "readme.md"):
        write(name, "a\nb\n")
    task = load_data(tmp_path, LIKE, columns={"prompt": "en", "references": ["de"]})
    assert {split: len(task.samples(split)) for split in task.splits} == {"train": 2, "validation": 2}
    with pytest.raises(DataError, match=r"\(parallel text\): no column for prompt and references. Columns found: 'de'"):
        load_data(tmp_path, LIKE)
    with pytest.raises(DataError, match=r"no column 'fr'. .* Columns found: 'de', 'en'"):  # no val.fr
        load_data(tmp_path, LIKE, columns={"prompt": "en", "references": "fr"})


def test_folder_with_names_that_tell_is_read_without_columns(write, tmp_path):
    write("test.source", "a\n")
    write("test.target", "b\n")
    assert list(load_data(tmp_path, LIKE).samples("test")) == [Sample("a", "b")]


def test_pickles_are_small_and_open_the_files_again(write):
    rows = ParallelText.open(write("a.en", "a\n" * 5_000), write("a.de.gz", "b\n" * 5_000))
    assert len(pickle.dumps(rows)) < 1_000
    assert pickle.loads(pickle.dumps(rows)) is rows


def test_captions_read_from_their_folder_equal_the_json_lines_made_of_them(shared_data, tmp_path):
    convert(shared_data / "multi30k", tmp_path)
    expected = load_data(tmp_path, LIKE)
    task = load_data(str(shared_data / "multi30k"), LIKE, columns={"prompt": "en", "references": "de"})
    assert {split: len(task.samples(split)) for split in task.splits} == {
        "train": 29_000,
        "validation": 1_014,
        "test": 1_000,
    }
    for split in task.splits:
        assert list(task.samples(split)) == list(expected.samples(split))
