import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import fuzz
from textgym.core import Reward, Sample
from textgym.errors import ConfigError
from textgym.rewards import make_reward
from textgym.rewards.expression import parse_expression


def terms(text):
    """The weights and names that an expression comes to; every name is known."""
    found = parse_expression(text, lambda name, options: Named(name, options))
    return [(weight, reward.name, reward.options) for weight, reward in found]


class Named(Reward):
    def __init__(self, name, options):
        self.name = name
        self.options = dict(options)

    def __call__(self, responses, samples):
        return np.zeros(len(responses))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [(1, "a")]),
        (" a\r\n + b ", [(1, "a"), (1, "b")]),
        ("0.5*a + 0.5*b", [(0.5, "a"), (0.5, "b")]),
        ("a - 0.1*b", [(1, "a"), (-0.1, "b")]),
        ("a*2 - -b", [(2, "a"), (1, "b")]),
        ("(a + b)/2", [(0.5, "a"), (0.5, "b")]),
        ("-(a - 3*(b - c))", [(-1, "a"), (3, "b"), (-3, "c")]),
        ("1/4*a + (2 - 1.5)*b", [(0.25, "a"), (0.5, "b")]),
        ("1e-3*a + +b", [(0.001, "a"), (1, "b")]),
        ("0*a", [(0, "a")]),
        ("é + 2*日本", [(1, "é"), (2, "日本")]),
    ],
)
def test_weighted_sums_are_read(text, expected):
    assert [(weight, name) for weight, name, _ in terms(text)] == expected


def test_options_are_read_as_literals():
    text = "a(tokenize='intl', order=-2, flags=[True, None]) + 2*b()"
    assert terms(text) == [(1, "a", {"tokenize": "intl", "order": -2, "flags": [True, None]}), (2, "b", {})]


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("0.5*bleu + rougeX", 12, "Unknown reward 'rougeX'. Did you mean 'rougeL'?"),
        ("1*bleu(tokenise='intl')", 3, "The reward 'bleu' has no option 'tokenise'. Did you mean 'tokenize'?"),
        ("2*bleu(tokenize='14a')", 3, "BLEU has no tokenizer '14a'. Did you mean '13a'?"),
        ("bleu('intl')", 6, "an option needs its name, as in bleu(tokenize='intl')."),
        ("bleu(tokenize={[]: 1})", 15, "the option 'tokenize' must be a literal such as 'intl', 2 or True."),
        ("bleu(tokenize=intl)", 15, "the option 'tokenize' must be a literal such as 'intl', 2 or True."),
        ("bleu(**{'a': 1})", 8, "options are written one by one."),
        ("bleu * chrf", 8, "a reward can be multiplied and divided by numbers only."),
        ("1 / bleu", 1, "a number can only multiply or divide a reward."),
        ("bleu + 1", 1, "a number can only multiply or divide a reward."),
        ("chrf + bleu/(1 - 1)", 14, "a division by zero."),
        ("1/0*bleu", 3, "a division by zero."),
        ("1e999*bleu", 1, "a weight must be a finite number."),
        ("9" * 400 + "*bleu", 1, "a weight must be a finite number."),
        ("True*bleu", 1, "only rewards, numbers, + - * / and parentheses can stand here."),
        ("bleu ** 2", 1, "only rewards, numbers, + - * / and parentheses can stand here."),
        ("bleu.name", 1, "only rewards, numbers, + - * / and parentheses can stand here."),
        ("'é' + bleu", 1, "only rewards, numbers, + - * / and parentheses can stand here."),
        ("bleu(lowercase=True) + bleu if 1 else 2", 1, "only rewards, numbers"),
        ("__import__('os').system('true')", 1, "only rewards, numbers"),
        ("(lambda: bleu)()", 1, "only rewards, numbers"),
        ("0.5", 1, "it names no reward."),
        ("0.5*bleu +", 11, "invalid syntax."),
        ("0.5 bleu", 5, "invalid syntax."),
        ("bleu\x00", 1, "source code string cannot contain null bytes."),
        ("bleu\ud800", 1, "'utf-8' codec can't encode"),
        ("-" * 1500 + "bleu", 1, "it is nested too deeply."),
    ],
)
def test_errors_point_at_the_place(text, column, problem):
    with pytest.raises(ConfigError) as caught:
        make_reward(text)
    first, shown, pointer = str(caught.value).split("\n")
    assert first.startswith(f"Cannot read the reward at column {column}: {problem}")
    assert shown == f"    {text}"
    assert pointer == " " * (column + 3) + "^"


def test_the_pointer_counts_characters_and_not_bytes():
    with pytest.raises(ConfigError, match=re.escape("at column 9: Unknown reward 'nix'")):
        parse_expression("2*日本語 + nix", only_japanese)


def only_japanese(name, options):
    if name == "日本語":
        return Named(name, options)
    raise ConfigError(f"Unknown reward {name!r}.")


@pytest.mark.parametrize("text", ["", "  \n", "bleu + " * 400 + "bleu"])
def test_lengths_are_bounded(text):
    with pytest.raises(
        ConfigError, match=rf"written in 1 to 2000 characters, such as 'bleu', got {len(text.strip())}\."
    ):
        make_reward(text)


PARTS = [
    "bleu",
    "rougeL",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "0.5",
    "2",
    "'x'",
    "=",
    ",",
    "lowercase",
    "True",
    ".",
    "[",
    ":",
]


@fuzz
@given(st.lists(st.sampled_from([*PARTS, "lambda", "é", "\n", "#"]), max_size=9).map(" ".join) | st.text(max_size=20))
def test_any_text_is_a_reward_or_a_config_error(text):
    try:
        reward = make_reward(text)
    except ConfigError:
        return
    assert np.isfinite(reward(["a"], [Sample("", "a b")])).all()
