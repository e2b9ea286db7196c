"""JSON lines: what is read, what is refused and where the message points."""

import copy
import json
import os
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgym.core import Sample
from textgym.data import jsonl, lazy
from textgym.data.jsonl import JsonLines
from textgym.data.rules import MAX_CHARS, Rules
from textgym.data.skipping import Skipped
from textgym.errors import ConfigError, DataError

GOOD = '{"prompt": "p", "references": ["r"]}'


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "rows.jsonl"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_rows_become_samples_with_the_other_fields_as_metadata(write):
    rows = JsonLines(write('{"id": 7, "prompt": "a b", "references": ["c", "d"], "tags": {"x": [1]}}\n'))
    assert list(rows) == [Sample("a b", ("c", "d"), {"id": 7, "tags": {"x": [1]}})]


rows_of_text = st.lists(st.tuples(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1)), min_size=1)


@settings(deadline=None)
@given(rows=rows_of_text, ascii_only=st.booleans(), end=st.sampled_from(["\n", "\r\n", "\n\n \n"]), bom=st.booleans())
def test_samples_agree_with_the_json_module(tmp_path_factory, rows, ascii_only, end, bom):
    rows = [(p, r) for p, r in rows if p.strip() and any(t.strip() for t in r)]
    if not rows:
        return
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [json.dumps({"prompt": p, "references": r}, ensure_ascii=ascii_only) for p, r in rows]
    path.write_bytes(end.join(lines).encode("utf-8-sig" if bom else "utf-8"))
    expected = [(p, tuple(t for t in r if t.strip())) for p, r in rows]
    assert [(s.prompt, s.references) for s in JsonLines(path)] == expected


@pytest.mark.parametrize(
    ("row", "sample"),
    [
        ('{"source": "p", "target": "r"}', Sample("p", ("r",))),
        ('{"Question": "p", "ANSWER": "r"}', Sample("p", ("r",))),
        ('{"text": "p", "summary": ["r", "", " ", null]}', Sample("p", ("r",))),
        ('{"source": ["two", "sentences"], "target": ["r"]}', Sample("two sentences", ("r",))),
        ('{"text": "other", "input": "p", "output": "r"}', Sample("p", ("r",), {"text": "other"})),
        ('{"prompt": "\\ud83d", "reference": "r"}', Sample("\ud83d", ("r",))),
    ],
)
def test_fields_are_guessed_by_their_usual_names(write, row, sample):
    assert JsonLines(write(row))[0] == sample


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"prompt": "p", "refer', r":2:17: invalid JSON \(Unterminated string starting at\). Write one whole"),
        ('{"prompt": "p" "references": "r"}', r":2:16: invalid JSON \(Expecting ',' delimiter\)"),
        ("{'prompt': 1}", r":2:2: invalid JSON"),
        ("[" * 100_000, r":2:1: JSON that cannot be read \(maximum recursion"),
        ('{"prompt": %s}' % ("1" * 5000), r":2:1: JSON that cannot be read \(Exceeds the limit"),
        ("[1, 2]", r":2: a row is an object with named fields, got list: '\[1, 2\]'"),
        ('"text"', ":2: a row is an object with named fields, got str: 'text'"),
        ('{"references": ["r"]}', ":2: 'prompt' is missing. Columns found: 'references'; for all rows prompt='prompt'"),
        (
            '{"prompt": null, "references": ["r"]}',
            ":2: 'prompt' is null. Columns found: 'prompt', 'references'; for all rows prompt='prompt'",
        ),
        ('{"prompt": "p", "references": null}', ":2: 'references' is null.*Fill it in or remove the row"),
        ('{"prompt": "p"}', ":2: 'references' is missing"),
        ("{}", ":2: 'prompt' is missing. Columns found: none"),
        ('{"prompt": " \\n", "references": "r"}', r":2: the prompt \('prompt'\) is blank. Give it text"),
        ('{"prompt": [], "references": "r"}', ":2: the prompt .* is blank"),
        ('{"prompt": "p", "references": ["", " "]}', ":2: 'references' holds no text. Give at least one"),
        ('{"prompt": "p", "references": []}', ":2: 'references' holds no text"),
        ('{"prompt": 3, "references": "r"}', ":2: 'prompt' must be text or a list of texts, got int: 3"),
        ('{"prompt": "p", "references": ["r", 4]}', ":2: 'references' must hold texts only, got int: '4'"),
        (b'{"prompt": "p\xff", "references": "r"}', r":2: byte 14 \(0xff\) is not UTF-8. Save the file as UTF-8"),
        (b'{"prompt": "\xed\xa0\x80", "references": "r"}', r":2: byte 13 \(0xed\) is not UTF-8"),
        (
            '{"prompt": "%s", "references": "r"}' % ("p" * MAX_CHARS),
            ":2: 100,001 characters of text, more than max_chars",
        ),
    ],
)
@pytest.mark.parametrize("checked", [0, 10_000], ids=["when read", "when opened"])
def test_bad_rows_are_refused_with_file_line_and_reason(write, monkeypatch, bad, message, checked):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    path = write(GOOD.encode() + b"\n" + bad + b"\n" + GOOD.encode())
    if not checked:  # the line after the checked ones
        monkeypatch.setattr(lazy, "CHECKED", 1)
    with pytest.raises(DataError, match=re.escape(str(path)) + message) as caught:
        JsonLines(path)[1]
    assert 'pass on_bad_row="skip"' in str(caught.value)
    rows = JsonLines(path, rules=Rules(on_bad_row="skip"))
    assert (len(rows), rows.skipped.count, len(list(rows))) == (2, 1, 2)
    assert re.search(message.removesuffix("."), rows.skipped.reasons[0])


def test_unknown_columns_are_listed_with_the_guess(write):
    with pytest.raises(
        DataError,
        match=r"rows.jsonl:1: no column for references. Columns found: 'text', 'foo'; guessed: prompt='text', "
        r"references=None. Rename the columns to 'prompt' and 'references'",
    ):
        JsonLines(write('{"text": "p", "foo": "r"}'))
    with pytest.raises(DataError, match=r"no column for prompt and references. Columns found: 'a'"):
        JsonLines(write('{"a": "p"}'))


@pytest.mark.parametrize("content", ["", "\n \r\n", b"\xef\xbb\xbf"])
def test_file_without_rows_is_refused(write, content):
    with pytest.raises(DataError, match=r"rows.jsonl has 0 rows. Write one JSON object a line"):
        JsonLines(write(content))


def test_file_of_bad_rows_only_tells_the_first(write):
    with pytest.raises(DataError, match=r"has 0 rows \(2 bad rows were skipped, the first: .*rows.jsonl:1:1: invalid"):
        JsonLines(write("a\nb\n"), rules=Rules(on_bad_row="skip"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_named(write, encoding):
    with pytest.raises(DataError, match="is UTF-16 or UTF-32, and UTF-8 is needed: iconv"):
        JsonLines(write(GOOD.encode(encoding)))


def test_indices_and_slices_work_as_in_a_list(write):
    path = write("\n".join(json.dumps({"prompt": str(i), "references": "r"}) for i in range(5)))
    rows = JsonLines(path)
    assert [s.prompt for s in rows[1:4:2]] == ["1", "3"]
    assert rows[-1].prompt == rows[np.int64(4)].prompt == "4"
    assert rows[2] is rows[2]
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"has 5 rows: there is no row {index}"):
            rows[index]
    assert "5 rows" in repr(rows)


def test_pickles_hold_offsets_and_read_the_same(write):
    rows = JsonLines(write(f"{GOOD}\n{GOOD}\n"))
    assert rows[1].prompt == "p"
    for other in (pickle.loads(pickle.dumps(rows)), copy.deepcopy(rows)):
        assert list(other) == list(rows)
    assert len(pickle.dumps(rows)) < 1000  # no parsed row is in it


def test_file_that_changed_or_went_after_opening_is_refused(write):
    path = write(f"{GOOD}\n{GOOD}\n")
    rows = JsonLines(path)
    write(GOOD)
    with pytest.raises(DataError, match="changed after it was opened: make the environment again"):
        rows[0]
    path.unlink()
    with pytest.raises(DataError, match="could be opened, and now cannot be read: No such file"):
        rows[0]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_refused(write):
    path = write(GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        JsonLines(path)


def test_reasons_of_skipped_rows_are_kept_for_the_first_five(write):
    skip = JsonLines(write("\n".join([GOOD, *["{"] * 9])), rules=Rules(on_bad_row="skip")).skipped
    assert (skip.count, len(skip.reasons)) == (9, 5)
    with pytest.raises(ConfigError, match=r"on_bad_row must be 'error' or 'skip', got 'skipp'. Did you mean 'skip'"):
        Skipped("skipp")  # type: ignore[arg-type]


def test_opening_parses_the_first_rows_only_and_reading_the_row_that_is_asked_for(write, monkeypatch):
    parsed = []
    monkeypatch.setattr(jsonl.json, "loads", lambda text: parsed.append(text) or {"prompt": "p", "references": "r"})
    rows = JsonLines(write((GOOD + "\n") * 30_000))
    assert (len(rows), len(parsed)) == (30_000, lazy.CHECKED)
    assert rows[29_999] == Sample("p", "r")
    assert len(parsed) == lazy.CHECKED + 1


def test_scitldr_is_read_as_it_is(shared_data):
    rows = JsonLines(shared_data / "scitldr" / "test.jsonl")
    with open(shared_data / "scitldr" / "test.jsonl", encoding="utf-8") as file:
        expected = [json.loads(line) for line in file]
    assert len(rows) == len(expected) == 618
    assert [s.prompt for s in rows] == [" ".join(row["source"]) for row in expected]
    assert sum(len(s.references) for s in rows) / 618 == pytest.approx(3.2, abs=0.1)
