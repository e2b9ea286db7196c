import pytest

from textgym.core import Reward, Sample
from textgym.errors import ConfigError
from textgym.registration import register_reward, rewards
from textgym.rewards import FunctionReward, WeightedSum, make_reward
from textgym.rewards.bleu import BLEU
from textgym.rewards.rouge import RougeL


def test_a_name_and_its_options_in_every_form():
    assert make_reward("bleu") == BLEU() == make_reward(BLEU) == make_reward("(1*bleu)")
    intl = BLEU(tokenize="intl")
    assert make_reward("bleu(tokenize='intl')") == intl == make_reward({"name": "bleu", "tokenize": "intl"})
    assert make_reward(intl) is intl


@pytest.mark.parametrize("spec", ["0.5*bleu + 2*rougeL", {"bleu": 0.5, "rougeL": 2}])
def test_weights_in_every_form(spec):
    reward = make_reward(spec)
    assert isinstance(reward, WeightedSum)
    assert reward.components == [(0.5, BLEU()), (2.0, RougeL())]


def test_keys_of_weights_may_be_expressions():
    assert make_reward({"bleu(lowercase=True)": -1}).components == [(-1.0, BLEU(lowercase=True))]


def test_a_plain_function_becomes_a_reward():
    reward = make_reward(lambda response, sample: len(response))
    assert isinstance(reward, FunctionReward)
    assert reward(["abc"], [Sample("")]).tolist() == [3.0]


def test_a_registered_function_is_found_by_name():
    @register_reward("test-length")  # no identifier, and so of no use in a sum
    def length(response, sample):
        return len(response)

    try:
        reward = make_reward("test-length")
        assert reward.name == "test-length"
        assert reward(["abc"], [Sample("")]).tolist() == [3.0]
    finally:
        del rewards._items["test-length"]


def test_a_registered_class_without_options():
    @register_reward("test_constant")
    class Constant(Reward):
        def __init__(self, value):
            self.value = value

        def __call__(self, responses, samples):
            return [self.value] * len(responses)

    try:
        assert make_reward("2*test_constant(value=0.25)")(["a"], [Sample("")]).tolist() == [0.5]
        with pytest.raises(
            ConfigError, match=r"'test_constant' cannot be made with \{\}: .*missing 1 required .*'value'"
        ):
            make_reward("test_constant")
    finally:
        del rewards._items["test_constant"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("blue", r"Unknown reward 'blue'\. Did you mean 'bleu'\?"),
        ({"name": "chrff"}, r"Unknown reward 'chrff'\. Did you mean 'chrf'\?"),
        ({"blue": 1}, r"Unknown reward 'blue'\. Did you mean 'bleu'\?"),
        (
            {"name": "rougeL", "stemmer": True},
            r"The reward 'rougeL' has no option 'stemmer'\. Did you mean 'use_stemmer'\?",
        ),
        (
            {"bleu": "x"},
            r"given as a dict is \{'name': \.\.\., option: value\} or \{reward: weight\}, got \{'bleu': 'x'\}",
        ),
        ({"bleu": True}, r"given as a dict is .* got \{'bleu': True\}"),
        ({}, r"given as a dict is .* got \{\}"),
        ({"bleu": float("nan")}, r"A weighted sum needs at least one reward and finite weights"),
        (None, r"A reward is a name, a weighted sum in a string, a dict, .* got NoneType: None"),
        (["bleu"], r"A reward is a name, .* got list: \['bleu'\]"),
        (dict, r"A reward is a name, .* got type: <class 'dict'>"),
        (WeightedSum, r"The reward 'reward' cannot be made with \{\}: .*missing 1 required .*'components'"),
    ],
)
def test_wrong_specs_are_refused(spec, message):
    with pytest.raises(ConfigError, match=message):
        make_reward(spec)
