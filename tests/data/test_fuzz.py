"""Whatever bytes a file has, nothing but an error of ours comes out of a reader."""

import gzip
import io
import itertools
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textgym import make_task
from textgym.core import Sample
from textgym.data import load_data
from textgym.errors import DataError

LIKE = make_task("translation")
NUMBERS = (
    itertools.count()
)  # each example has files of its own: what changes within a tick of the clock looks unchanged
SEEDS = {
    "jsonl": b'{"prompt": "p", "references": ["r", "\\u00e9"]}\n{"prompt": "q", "references": "s"}\n',
    "csv": b'prompt,reference\np,r\n"q, ""x""\n",s\n',
    "tsv": b"prompt\treference\np\tr\nq\ts\n",
}


def parquet() -> bytes:
    pa = pytest.importorskip("pyarrow", reason='parquet needs pip install "textgym[hub]"')
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": ["p", "q"] * 9, "reference": [["r"], ["s", "t"]] * 9}), file)
    return file.getvalue()


@st.composite
def broken(draw, seed: bytes) -> bytes:
    """Draw bytes: any, or those of a good file with some cut out, put in or changed."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=60))
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 4))
        data[at : at + length] = draw(st.binary(max_size=4))
    return bytes(data)


fuzzed = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(data, **options):
    """Read every sample, in both ways; a DataError is one of the outcomes."""
    with suppress(DataError):
        samples = load_data(data, LIKE, **options).samples("train")
        one_by_one = [samples[i] for i in range(len(samples))]
        assert one_by_one == list(samples)
        assert all(isinstance(sample, Sample) and sample.prompt.strip() for sample in one_by_one)


options = st.fixed_dictionaries(
    {
        "on_bad_row": st.sampled_from(["error", "skip"]),
        "encoding_errors": st.sampled_from(["strict", "replace"]),
        "max_chars": st.sampled_from([1, 10, 100_000]),
        "quotes": st.sampled_from([None, True, False]),
        "by_prompt": st.booleans(),
        "columns": st.sampled_from([None, {"prompt": 0, "references": 1}, {"prompt": "prompt"}]),
    }
)


@pytest.mark.parametrize("end", SEEDS)
@fuzzed
@given(data=st.data(), options=options)
def test_text_of_any_bytes(tmp_path, end, data, options):
    path = tmp_path / f"{next(NUMBERS)}.{end}"
    path.write_bytes(data.draw(broken(SEEDS[end])))
    read_all(path, **options)


@fuzzed
@given(data=st.data(), options=options)
def test_parquet_of_any_bytes(tmp_path, data, options):
    path = tmp_path / f"{next(NUMBERS)}.parquet"
    path.write_bytes(data.draw(broken(parquet())))
    read_all(path, **options)


@fuzzed
@given(data=st.data(), options=options)
def test_parallel_text_of_any_bytes(tmp_path, data, options):
    paths = [tmp_path / f"{next(NUMBERS)}.{language}" for language in ("en", "de")]
    for path in paths:
        path.write_bytes(data.draw(broken(b"one\ntwo\nthree\n")))
    read_all({"prompt": paths[0], "references": paths[1:]}, **options)


@fuzzed
@given(data=st.data())
def test_gzip_of_any_bytes(tmp_path, monkeypatch, data):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))
    path = tmp_path / f"{next(NUMBERS)}.csv.gz"
    path.write_bytes(data.draw(broken(gzip.compress(SEEDS["csv"], mtime=0))))
    read_all(path)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@fuzzed
@given(rows=st.lists(st.dictionaries(st.sampled_from(["prompt", "reference", "a.b", ""]), values) | values, min_size=1))
def test_rows_of_any_values(rows):
    read_all({"train": [row for row in rows if not isinstance(row, str)] or [Sample("p")]})
