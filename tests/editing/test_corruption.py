"""Errors by rule: each kind does what it says, always the same."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from textgym.corruption import Corruption
from textgym.errors import ConfigError

SENTENCE = "On Monday she has picked up her tired brother, at the station."


def test_each_kind_of_error_does_what_it_says():
    before = SENTENCE.split()
    for seed in range(40):
        only = {kind: Corruption(1, 1, (kind,), seed=seed)(SENTENCE).split() for kind in Corruption().kinds}
        assert len(only["drop"]) == len(before) - 1
        assert len(only["repeat"]) == len(before) + 1
        assert any(a == b for a, b in zip(only["repeat"], only["repeat"][1:], strict=False))
        assert sorted(only["swap"]) == sorted(before)
        for kind in ("replace", "agreement"):
            assert sum(a != b for a, b in zip(only[kind], before, strict=True)) == 1


def test_forms_and_capitals_and_marks_are_kept():
    forms = {Corruption(1, 1, ("agreement",), seed=seed)("Is this?") for seed in range(60)}
    assert forms == {"Are this?", "Am this?", "Is these?"}
    german = {Corruption(1, 1, ("agreement",), "de", seed=seed)("Der Ball.") for seed in range(80)}
    assert "Dem Ball." in german
    assert Corruption(1, 1, ("replace",), seed=3)("in").split() != ["in"]


@pytest.mark.parametrize("text", ["", "a", "!", "x x", "  "])
def test_texts_to_which_little_can_be_done_come_back(text):
    for seed in range(20):
        result = Corruption(3, 3, seed=seed)(text)
        assert isinstance(result, str)
    assert Corruption(1, 1, ("swap",))("alone") == "alone"
    assert Corruption(0, 0)("two  words") == "two words"


def test_errors_are_the_same_in_every_process_and_differ_by_key():
    assert Corruption()(SENTENCE, 1, 2) == Corruption()(SENTENCE, 1, 2)
    assert len({Corruption()(SENTENCE, i) for i in range(50)}) > 35
    program = f"from textgym.corruption import Corruption; print([Corruption()({SENTENCE!r}, i) for i in range(30)])"
    for seed in ("1", "2"):
        hashed = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=hashed, check=True)
        assert said.stdout.strip() == str([Corruption()(SENTENCE, i) for i in range(30)])
    assert Corruption(1, 1, ("drop",))("she sees the house", 7) in Corruption.__doc__


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["swp"]}, "Corruption has no kind of error 'swp'. Did you mean 'swap'?"),
        ({"kinds": [["drop"]]}, "Corruption has no kind of error ['drop']."),
        ({"kinds": None}, "Corruption's kinds must be a list of drop, swap, repeat, replace, agreement, got None."),
        ({"language": None}, "Corruption knows no language None."),
        ({"language": ["de"]}, "Corruption knows no language ['de']."),
        ({"kinds": []}, "Corruption needs at least one kind of error"),
        ({"language": "fr"}, "Corruption knows no language 'fr'."),
        ({"least": 3, "most": 2}, "0 <= least <= most, got least=3, most=2."),
        ({"least": -1}, "0 <= least <= most, got least=-1, most=3."),
        ({"least": "1"}, "least must be a whole number, got '1' (str)."),
        ({"seed": -1}, "Corruption's seed must be at least 0, got -1."),
    ],
)
def test_a_corruption_that_cannot_work_is_refused(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Corruption(**options)
