"""Options of the reader that cannot be are refused with what they may be."""

from collections import UserList

import pytest

from textgym import make_task
from textgym.core import Sample
from textgym.data import load_data
from textgym.errors import ConfigError

LIKE = make_task("translation")
ROWS = [{"prompt": "p", "reference": "r"}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_bad_row": "skipp"}, "on_bad_row must be 'error' or 'skip', got 'skipp'. Did you mean 'skip'"),
        ({"encoding_errors": "ignore"}, "encoding_errors cannot be 'ignore'. Known: replace, strict"),
        ({"normalize": "nfc"}, "normalize cannot be 'nfc'. Did you mean 'NFC'"),
        ({"quotes": "yes"}, "quotes must be True, False, or None for what the suffix says, got 'yes'"),
        ({"max_chars": 0}, "max_chars must be at least 1, got 0"),
        ({"max_chars": 1.5}, "max_chars must be a whole number, got 1.5"),
        ({"columns": "prompt"}, "columns must be a dict like"),
    ],
)
def test_values_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        load_data(ROWS, LIKE, **options)


def test_a_task_is_taken_as_it_is_and_no_option_is_ignored():
    task = load_data([Sample("a", "b")], LIKE)
    assert load_data(task, LIKE, strict=True) is task
    for options in ({"max_chars": 9}, {"by_prompt": True}, {"columns": {"prompt": "p"}}):
        with pytest.raises(ConfigError, match="data= is the task 'translation', which is taken as it is"):
            load_data(task, LIKE, **options)


def test_samples_that_are_given_are_normalized_too_but_not_in_a_sequence_of_its_own():
    decomposed = [Sample("e\u0301", ("o\u0308",), {"id": 1})]
    assert load_data(decomposed, LIKE, normalize="NFC").samples("train") == (Sample("é", "ö", {"id": 1}),)
    with pytest.raises(ConfigError, match="is a UserList, which is taken as it is: leave out the options"):
        load_data(UserList(decomposed), LIKE, normalize="NFC")
