"""CSV and TSV: records agree with the csv module, wherever they start, and what is malformed is told by its line."""

import csv
import io
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgym.core import Sample
from textgym.data import lazy
from textgym.data.columns import Columns
from textgym.data.delimited import CSV, TSV
from textgym.data.rules import Rules
from textgym.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "rows.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_rows_become_samples_with_the_other_columns_as_metadata(write):
    rows = CSV(write('id,prompt,reference\n7,a b,c\n\n8,"d, e",f\n'))
    assert list(rows) == [Sample("a b", ("c",), {"id": "7"}), Sample("d, e", ("f",), {"id": "8"})]


# not a carriage return alone: the csv module writes it without quotes, and refuses it when it reads
pieces = st.sampled_from(["a", "b", '"', ",", "\t", "'", "é", "\u2028", "\x85", " ", ";", "\n", "\r\n"])
texts = st.lists(pieces, max_size=6).map("".join)
tables = st.lists(st.tuples(texts, texts), min_size=1, max_size=5)
dialects = st.fixed_dictionaries(
    {
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
    }
)


@settings(deadline=None, max_examples=150)
@given(table=tables, dialect=dialects, tabs=st.booleans(), bom=st.booleans())
def test_every_row_is_found_where_it_starts_as_the_csv_module_reads_it(tmp_path_factory, table, dialect, tabs, bom):
    table = [(f"p{prompt}", f"r{reference}") for prompt, reference in table]  # none is blank
    text = io.StringIO()
    separator = "\t" if tabs else ","
    csv.writer(text, delimiter=separator, **dialect).writerows([("prompt", "reference"), *table])
    path = tmp_path_factory.mktemp("rows") / "rows"
    path.write_bytes(text.getvalue().encode("utf-8-sig" if bom else "utf-8"))
    expected = [tuple(row) for row in csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=separator)][1:]
    rows = (TSV if tabs else CSV)(path, rules=Rules(quotes=True))
    assert [(row.prompt, row.references[0]) for row in rows] == expected
    backwards = [rows[i] for i in reversed(range(len(rows)))]
    assert [(row.prompt, row.references[0]) for row in backwards] == expected[::-1]
    data = path.read_bytes()
    lines = [data[:start].count(b"\n") + 1 for start in rows._keys]
    assert [rows.where(i) for i in range(len(rows))] == [f"{path}:{line}" for line in lines]


def test_quotes_are_text_in_tsv_unless_told_otherwise(write):
    content = 'prompt\treference\n"a" is\t5" long\n"whole"\t"x"\n'
    assert [(s.prompt, s.references[0]) for s in TSV(write(content))] == [('"a" is', '5" long'), ('"whole"', '"x"')]
    quoted = 'prompt\treference\n"two\nlines"\t"a ""b"""\n'
    assert TSV(write(quoted), rules=Rules(quotes=True))[0] == Sample("two\nlines", ('a "b"',))
    assert CSV(write('prompt,reference\n"a,b\n'), rules=Rules(quotes=False))[0] == Sample('"a', ("b",))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("p", ":3: 1 fields, and the first line has 2: 'prompt', 'reference'. Mend the row"),
        ("p,r,s", ":3: 3 fields, and the first line has 2"),
        ('"p" x,r', ":3: text stands right behind a closing quote. Double the quotes"),
        ("p,\r,r", ":3: a carriage return stands within a field"),
        (" ,r", r":3: the prompt \('prompt'\) is blank"),
        ("p,", ":3: 'reference' holds no text"),
        (b"p,\xff", r":3: byte 3 \(0xff\) is not UTF-8. Save the file as UTF-8"),
        (b'"p\n\xff",r', r":4: byte 1 \(0xff\) is not UTF-8"),
        (f"p,{'r' * 120_000}", ":3: 120,001 characters of text, more than max_chars"),
        (f"p,{'r' * 200_000}", r":3: a field is longer than the csv module takes \(field larger than field limit"),
    ],
)
@pytest.mark.parametrize("checked", [1, 10_000], ids=["when read", "when opened"])
def test_bad_rows_are_refused_with_file_line_and_reason(write, monkeypatch, row, message, checked):
    row = row if isinstance(row, bytes) else row.encode()
    path = write(b"prompt,reference\np,r\n" + row + b'\n"p\n2",r\n')
    monkeypatch.setattr(lazy, "CHECKED", checked)
    with pytest.raises(DataError, match=re.escape(str(path)) + message) as caught:
        CSV(path)[1]
    assert 'pass on_bad_row="skip"' in str(caught.value)
    rows = CSV(path, rules=Rules(on_bad_row="skip"))
    assert [row.prompt for row in rows] == [rows[0].prompt, rows[1].prompt] == ["p", "p\n2"]
    assert rows.skipped.count >= 1
    assert re.search(message, rows.skipped.reasons[0])


def test_a_quote_that_is_never_closed_takes_one_line_with_it_and_not_the_file(write):
    path = write('prompt,reference\na,b\n"c,d\ne,f\ng,h\n')
    with pytest.raises(DataError, match=r":3: a quote is opened and never closed. Close it, or pass quotes=False"):
        CSV(path)
    rows = CSV(path, rules=Rules(on_bad_row="skip"))
    assert [row.prompt for row in rows] == ["a", "e", "g"]
    assert rows.skipped.count == 1


def test_header_with_a_name_twice_is_refused(write):
    with pytest.raises(
        DataError, match=r"rows.csv:2: the header names 'a' twice. Rename one; or, if this line is no h"
    ):
        CSV(write("\na,b,a\n1,2,3\n"))


def test_files_without_a_header_are_read_by_position(write):
    columns = Columns("1", ("0", "2"), by_position=True)
    rows = CSV(write("r1,p,r2\ns1,q,\n"), rules=Rules(columns))
    assert list(rows) == [Sample("p", ("r1", "r2")), Sample("q", ("s1",))]
    assert rows.skipped.blanks == 1
    with pytest.raises(DataError, match=r"rows.csv:1: no column '2'.*Columns found: '0', '1'"):
        CSV(write("a,b\n"), rules=Rules(columns))


@pytest.mark.parametrize("content", ["", "\n\n", "prompt,reference\n", "prompt,reference"])
def test_file_without_rows_is_refused(write, content):
    with pytest.raises(DataError, match=r"rows.csv has 0 rows. Write a line with the names of the columns"):
        CSV(write(content))


def test_bytes_that_are_no_text_are_replaced_and_their_lines_counted(write):
    path = write(b'prompt,reference\np\xff,r\n"q\n\xfe",r\n"x\xff" y,r\nz,r\n')
    rows = CSV(path, rules=Rules(encoding_errors="replace", on_bad_row="skip"))
    assert [row.prompt for row in rows] == ["p\ufffd", "q\n\ufffd", "z"]
    assert (rows.skipped.count, rows.skipped.replaced) == (1, 3)


def test_pickles_hold_the_path_alone_and_the_file_is_opened_once(write):
    path = write("prompt,reference\n" + "p,r\n" * 5_000)
    rows = CSV.open(path)
    assert CSV.open(path) is rows
    assert len(pickle.dumps(rows)) < 1_000
    assert pickle.loads(pickle.dumps(rows)) is rows
    again = pickle.dumps(rows)
    write("prompt,reference\np,r\n")
    with pytest.raises(DataError, match="changed after it was opened"):
        pickle.loads(again)
    assert CSV.open(path) is not rows


def test_meaning_representations_are_read_as_they_are(shared_data):
    rows = CSV(shared_data / "e2e_nlg" / "devset.csv")
    with open(shared_data / "e2e_nlg" / "devset.csv", encoding="utf-8", newline="") as file:
        expected = [(row["mr"], (row["ref"],)) for row in csv.DictReader(file)]
    assert len(rows) == len(expected) == 4_672
    assert [(row.prompt, row.references) for row in rows] == expected
    assert rows[4_671] == Sample(*expected[4_671])
