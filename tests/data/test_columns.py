"""``columns=``: what it may say, what is guessed, and what a message lists."""

import pytest

from textgym import make_task
from textgym.core import Sample
from textgym.data import load_data
from textgym.data.columns import Columns, Fields, guess_fields, read_columns
from textgym.errors import ConfigError, DataError

LIKE = make_task("translation")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, Columns()),
        ({"prompt": "en"}, Columns("en")),
        ({"references": "de"}, Columns(None, ("de",))),
        ({"prompt": "en", "references": ("d1", "d2")}, Columns("en", ("d1", "d2"))),
        ({"prompt": 1, "references": [0, 2]}, Columns("1", ("0", "2"), True)),
    ],
)
def test_columns_are_names_or_positions(columns, expected):
    assert read_columns(columns) == expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["en", "de"], r"must be a dict like .*got \['en', 'de'\]"),
        ({"promt": "en"}, "unknown key 'promt'. Did you mean 'prompt'"),
        ({"prompt": 1.5}, "must hold names, or positions from 0 on"),
        ({"prompt": ""}, "must hold names"),
        ({"prompt": True, "references": 1}, "must hold names"),
        ({"prompt": -1, "references": 0}, "must hold names, or positions from 0 on"),
        ({"prompt": 0, "references": "de"}, "needs positions for both"),
        ({"prompt": 0}, "needs positions for both"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, message):
    with pytest.raises(ConfigError, match=message):
        read_columns(columns)


def test_what_is_given_is_taken_and_the_rest_is_guessed():
    row = {"source": "a", "target": "b", "de": "c"}
    assert guess_fields(row, columns=Columns(references=("de", "target"))) == Fields("source", ("de", "target"))
    assert guess_fields(row, columns=Columns("de")) == Fields("de", ("target",))


def test_fields_of_objects_are_named_with_a_dot():
    rows = [{"id": 1, "translation": {"en": "a", "de": "b"}, "answers": {"text": ["c", "d"]}, "x.y": "e"}]
    columns = {"prompt": "translation.en", "references": ["translation.de", "answers.text", "x.y"]}
    assert load_data(rows, LIKE, columns=columns).samples("train") == (Sample("a", ("b", "c", "d", "e"), {"id": 1}),)
    with pytest.raises(DataError, match=r"no column 'translation.fr'. Did you mean 'translation.en'.*'answers.text'"):
        load_data(rows, LIKE, columns={"prompt": "translation.fr"})


def test_some_of_several_references_may_be_missing_but_not_all():
    rows = [{"p": "a", "d1": "b", "d2": "c"}, {"p": "a", "d1": None, "d2": "c"}, {"p": "a", "d1": "b"}]
    columns = {"prompt": "p", "references": ["d1", "d2"]}
    samples = load_data(rows, LIKE, columns=columns).samples("train")
    assert [sample.references for sample in samples] == [("b", "c"), ("c",), ("b",)]
    with pytest.raises(DataError, match=r"\[3\]: 'd1', 'd2' holds no text"):
        load_data([*rows, {"p": "a", "d1": "", "d2": None}], LIKE, columns=columns)
