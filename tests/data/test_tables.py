"""Parquet files and ``datasets.Dataset``: rows agree with pyarrow, and only those that are asked for are read."""

import datetime
import pickle

import pytest

from textgym import make_task
from textgym.core import Sample
from textgym.data import lazy, load_data, parquet
from textgym.data.parquet import Parquet
from textgym.data.rules import Rules
from textgym.errors import ConfigError, DataError

pa = pytest.importorskip("pyarrow", reason='parquet needs pip install "textgym[hub]"')
datasets = pytest.importorskip("datasets", reason='data sets need pip install "textgym[hub]"')

import pyarrow.parquet as pq  # noqa: E402

LIKE = make_task("translation")
COLUMNS = {
    "prompt": [f"p{i} é" for i in range(50)],
    "references": [[f"r{i}"] * (1 + i % 3) for i in range(50)],
    "day": [datetime.date(2020, 1, 1)] * 50,
}
SAMPLES = [
    Sample(prompt, tuple(references), {"day": day}) for prompt, references, day in zip(*COLUMNS.values(), strict=True)
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path):
    def write(columns=COLUMNS, rows=7, name="rows.parquet"):
        path = tmp_path / name
        pq.write_table(pa.table(columns), path, row_group_size=rows)
        return path

    return write


@pytest.mark.parametrize("large", [False, True], ids=["row groups", "mapped"])
def test_rows_of_parquet_are_read_in_any_order(write, monkeypatch, large):
    if large:
        monkeypatch.setattr(parquet, "LARGE_ROWS", 6)
    path = write()
    rows = Parquet.open(path)
    assert list(rows) == SAMPLES
    assert [rows[i] for i in reversed(range(50))] == SAMPLES[::-1]
    assert rows.where(13) == f"{path}, row 13"
    assert len(pickle.dumps(rows)) < 1_000
    assert pickle.loads(pickle.dumps(rows)) is rows
    assert bool(rows._mapped) is large


def test_only_the_row_groups_that_are_asked_for_are_read_and_few_are_kept(write, monkeypatch):
    monkeypatch.setattr(lazy, "CHECKED", 5)
    rows = Parquet(write())
    assert rows._groups == {}
    rows[19], rows[20], rows[49]
    assert list(rows._groups) == [2, 7]
    monkeypatch.setattr(parquet, "KEPT", rows._groups[2].nbytes + rows._groups[7].nbytes)
    rows[0]
    assert list(rows._groups) == [7, 0]


def test_a_large_file_is_written_into_the_cache_once(write, monkeypatch, tmp_path):
    monkeypatch.setattr(parquet, "LARGE_BYTES", 1)
    for _ in range(2):
        assert list(Parquet(write())) == SAMPLES
    assert len(list((tmp_path / "cache" / "unpacked").iterdir())) == 1


def test_bad_rows_of_parquet_are_told_by_number_or_skipped(write, monkeypatch):
    columns = {"prompt": ["a", None, "c", " "], "reference": ["x", "y", None, "z"]}
    path = write(columns)
    with pytest.raises(DataError, match=r"rows.parquet, row 1: 'prompt' is null.*Bad too: .*row 2, .*row 3"):
        Parquet(path)
    rows = Parquet(path, rules=Rules(on_bad_row="skip"))
    assert (list(rows), rows.skipped.count) == ([Sample("a", "x")], 3)
    monkeypatch.setattr(lazy, "CHECKED", 1)
    rows = Parquet(path)
    assert len(rows) == 4
    with pytest.raises(DataError, match="row 2: 'reference' is null"):
        rows[2]


def test_text_that_is_not_utf8_is_told_by_its_row(write):
    broken = pa.array([b"a", b"\xff", b"c"]).cast(pa.binary()).view(pa.string())
    path = write({"prompt": broken, "reference": ["x", "y", "z"]})
    with pytest.raises(DataError, match=r"row 1: the row cannot be read \(.*utf-8"):
        Parquet(path)
    assert [s.prompt for s in Parquet(path, rules=Rules(on_bad_row="skip"))] == ["a", "c"]


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_what_is_no_whole_parquet_file_is_refused(write, cut):
    path = write()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"rows.parquet is no whole parquet file \(.*\): write or fetch it again"):
        load_data(path, LIKE)


def test_parquet_without_rows_is_refused(write):
    with pytest.raises(DataError, match=r"rows.parquet has 0 rows"):
        Parquet(write({"prompt": pa.array([], pa.string()), "reference": pa.array([], pa.string())}))


def test_a_dataset_is_the_split_train_and_a_dict_of_them_its_splits():
    rows = datasets.Dataset.from_dict(COLUMNS)
    task = load_data(rows, LIKE)
    assert list(task.samples("train")) == SAMPLES
    shuffled = rows.shuffle(seed=1)
    assert [s.prompt for s in load_data(shuffled, LIKE).samples("train")] == list(shuffled["prompt"])
    assert task.samples("train").where(3) == "data['train'], row 3"
    both = load_data(datasets.DatasetDict({"train": rows, "dev": rows.select([5])}), LIKE)
    assert both.splits == ("train", "validation")
    assert list(both.samples("validation")) == [SAMPLES[5]]
    assert pickle.loads(pickle.dumps(both)).samples("validation")[0] == SAMPLES[5]


def test_a_dataset_of_other_columns_needs_to_be_told_which():
    rows = datasets.Dataset.from_dict({"translation": [{"en": "a", "de": "b"}], "id": [3]})
    with pytest.raises(DataError, match=r"data\['train'\], row 0: no column for prompt. .*'translation.en', 'transl"):
        load_data(rows, LIKE)
    columns = {"prompt": "translation.en", "references": "translation.de"}
    assert load_data(rows, LIKE, columns=columns).samples("train")[0] == Sample("a", "b", {"id": 3})


def test_a_dataset_that_streams_or_has_no_known_split_is_refused():
    rows = datasets.Dataset.from_dict(COLUMNS)
    with pytest.raises(ConfigError, match="data= is a IterableDataset, which streams"):
        load_data(datasets.IterableDataset.__new__(datasets.IterableDataset), LIKE)  # to make one imports torch
    with pytest.raises(DataError, match="has the splits other, and none of train, validation, test"):
        load_data(datasets.DatasetDict({"other": rows}), LIKE)
    with pytest.raises(DataError, match=r"data\['train'\] has 0 rows"):
        load_data(datasets.Dataset.from_dict({"prompt": [], "reference": []}), LIKE)
