import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import fuzz
from textgym.core import Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.registration import rewards
from textgym.rewards import WeightedSum, make_reward
from textgym.rewards.expression import parse_expression
from textgym.rewards.judge import judge


def terms(text):
    """The weights and names that a sum comes to; every name is known."""
    reward = parse_expression(text, Named)
    components = reward.components if isinstance(reward, WeightedSum) else [(1, reward)]
    return [(weight, part.name, part.options) for weight, part in components]


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
        ("a + b - 3*a", [(-2, "a"), (1, "b")]),
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
        ("1 / bleu", 5, "a reward can be divided by numbers only, as it may be 0."),
        ("bleu / (1 + chrf)", 9, "a reward can be divided by numbers only, as it may be 0."),
        ("bleu * 2 / 1e-320", 12, "a weight must be a finite number."),
        ("1 > 2", 1, "a comparison needs a reward."),
        ("0 < bleu < 1", 1, "only rewards, numbers"),
        ("bleu == 1", 1, "only rewards, numbers"),
        ("bleu + min(chrf)", 8, "min: two or more rewards and finite numbers"),
        ("min(1, 2)", 1, "min: two or more rewards and finite numbers, at least one of them a reward, got (1.0, 2.0)."),
        ("clip(bleu, 1, 0)", 1, "clip: low must be below high, both finite, got 1.0 and 0.0."),
        ("clip(bleu, chrf, 1)", 1, "clip: low must be a number, got "),
        ("clip(0.5, 0, 1)", 1, "clip: the first argument must be a reward, got 0.5."),
        ("2*clip(bleu)", 3, "clip is written as in clip(bleu, 0, 0.5)."),
        ("clip(bleu, lo=0, high=1)", 1, "clip is written as in clip(bleu, 0, 0.5)."),
        ("running_norm(bleu, limit=-1)", 1, "running_norm: The limit of a running norm must be finite and above 0"),
        ("noisy(bleu, std='x')", 1, "noisy: std must be a number, got 'x' (str)."),
        ("mni(bleu, chrf)", 5, "an option needs its name, as in bleu(tokenize='intl'). Functions: Did you mean 'min'?"),
        ("chrf + bleu/(1 - 1)", 14, "a division by zero."),
        ("1/0*bleu", 3, "a division by zero."),
        ("1e999*bleu", 1, "a weight must be a finite number."),
        ("9" * 400 + "*bleu", 1, "a weight must be a finite number."),
        ("True*bleu", 1, "only rewards, numbers, + - * /, > >= < <=, parentheses and abs, cached, clip"),
        ("bleu ** 2", 1, "only rewards, numbers, + - * /, > >= < <=, parentheses and abs, cached, clip"),
        ("bleu.name", 1, "only rewards, numbers, + - * /, > >= < <=, parentheses and abs, cached, clip"),
        ("'é' + bleu", 1, "only rewards, numbers, + - * /, > >= < <=, parentheses and abs, cached, clip"),
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


SAMPLES = [Sample("p", ("the cat sat on the mat", "a cat sat there")), Sample("q", "dogs bark"), Sample("r", "no way")]
RESPONSES = ["the cat sat on a mat", "dogs bark", "yes"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.7*rougeL + 0.3*bleu - 0.01*length", lambda b, r, n: 0.7 * r + 0.3 * b - 0.01 * n),
        ("1 - bleu", lambda b, r, n: 1 - b),
        ("2 + 3*(bleu - 1)/2", lambda b, r, n: 2 + 1.5 * (b - 1)),
        ("bleu * rougeL", lambda b, r, n: b * r),
        ("2*bleu*(1 - rougeL)", lambda b, r, n: 2 * b * (1 - r)),
        ("min(bleu, rougeL, 0.4)", lambda b, r, n: np.minimum(np.minimum(b, r), 0.4)),
        ("max(0.2, bleu) + 0.5", lambda b, r, n: np.maximum(b, 0.2) + 0.5),
        ("abs(bleu - rougeL)", lambda b, r, n: abs(b - r)),
        ("clip(bleu - length, -3, 0.5)", lambda b, r, n: np.clip(b - n, -3, 0.5)),
        ("clip(bleu, low=0.1, high=0.3)", lambda b, r, n: np.clip(b, 0.1, 0.3)),
        ("bleu * (length <= 5)", lambda b, r, n: b * (n <= 5)),
        ("(bleu > 0.5) + (bleu >= rougeL) + (bleu < 1)", lambda b, r, n: (b > 0.5) + 1.0 * (b >= r) + (b < 1)),
        ("rescale(length, 1, 5)", lambda b, r, n: np.clip((n - 1) / 4, 0, 1)),
        ("sparse(bleu, 0.5)", lambda b, r, n: np.where(b >= 0.5, b, 0)),
        ("length_penalised(bleu, 0.1)", lambda b, r, n: b - 0.1 * n),
        ("length_penalised(bleu, 0.1, over=2)", lambda b, r, n: b - 0.1 * np.maximum(n - 2, 0)),
        ("cached(bleu, entries=2) * 2", lambda b, r, n: 2 * b),
    ],
)
def test_expressions_equal_the_same_arithmetic_of_arrays(text, expected):
    scores = [make_reward(name)(RESPONSES, SAMPLES) for name in ("bleu", "rougeL", "length")]
    reward = make_reward(text)
    values = reward(RESPONSES, SAMPLES)
    assert values == pytest.approx(expected(*scores), abs=1e-12)
    assert reward.bounds[0] <= values.min() <= values.max() <= reward.bounds[1]
    again = make_reward(reward.name)  # its name is an expression too
    assert again(RESPONSES, SAMPLES) == pytest.approx(values, abs=1e-12)
    assert again.bounds == pytest.approx(reward.bounds)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("0.7*rougeL + 0.3*bleu - 0.01*length", (-np.inf, 1)),
        ("1 - repetition", (0, 1)),
        ("bleu - bleu", (0, 0)),
        ("(bleu - 0.5) * (chrf - 0.25)", (-0.375, 0.375)),
        ("sentiment_like * length", (-np.inf, np.inf)),
        ("(bleu > 0.5) * length", (0, np.inf)),
        ("min(length, 20) - 5", (-5, 15)),
        ("max(bleu, 0.2, chrf - 1)", (0.2, 1)),
        ("abs(bleu - 0.75)", (0, 0.75)),
        ("abs(2 + bleu)", (2, 3)),
        ("clip(length, 3, 7)", (3, 7)),
        ("clip(bleu, -1, 2)", (0, 1)),
        ("running_norm(length, limit=4)", (-4, 4)),
        ("0*length + bleu", (0, 1)),
        ("noisy(bleu, std=0.5)", (-3, 4)),
    ],
)
def test_bounds_follow_by_interval_arithmetic(text, bounds):
    reward = parse_expression(
        text, lambda name, options: Signed() if name == "sentiment_like" else rewards[name](**options)
    )
    assert reward.bounds == pytest.approx(bounds)


class Signed(Reward):
    bounds = (-1.0, 1.0)

    def __call__(self, responses, samples):
        return np.zeros(len(responses))


def test_equal_rewards_are_asked_once_and_told_by_name():
    calls = []

    class Counted(Named):
        def __call__(self, responses, samples):
            calls.append(self.name)
            return np.full(len(responses), 0.25)

    reward = parse_expression("min(a, b) + a*(a > 0.2) + a(x=1)", Counted)
    parts = reward.parts(RESPONSES, SAMPLES)
    assert calls == ["a", "b", "a"]
    assert list(parts) == ["a", "b", "a#2"]
    assert reward.of_parts(parts).tolist() == [0.75] * 3
    options = make_reward("bleu + bleu(lowercase=True, tokenize='intl')")
    assert list(options.leaves) == ["bleu", "bleu(tokenize='intl', lowercase=True)"]


def test_a_comparison_has_the_share_of_responses_as_its_corpus_score():
    reward = make_reward("bleu >= 0.5")
    assert reward.corpus(RESPONSES, SAMPLES) == pytest.approx(2 / 3)
    half = make_reward("0.5*bleu + 0.5*(bleu >= 0.5) + 1")
    bleu = make_reward("bleu").corpus(RESPONSES, SAMPLES)
    assert half.corpus(RESPONSES, SAMPLES) == pytest.approx(0.5 * bleu + 1 / 3 + 1)


def test_a_value_that_overflows_is_an_error_with_its_row():
    reward = make_reward("1e308*length*length")
    with pytest.raises(RewardError, match=r"at row 0 \(prompt 'p'\): scores must be finite, got inf"):
        judge(reward, RESPONSES, SAMPLES)


PARTS = [
    "bleu",
    "rougeL",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "<",
    "min",
    "running_norm",
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
