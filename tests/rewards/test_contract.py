"""What every reward of the library keeps, found by its name: any text, bounds, signatures, pickles."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from tests.rewards.texts import SCRIPTS
from textgym import Sample, list_rewards, make_reward
from textgym.errors import ConfigError, MissingExtraError
from textgym.registration import rewards

OPTIONS = {"language": "language(target='de')", "noise": "noise"}
NEED_MORE = {"command", "http", "fluency", "isolated"}  # a program, a server, a file, a reward: see their own tests
HOMES = ("textgym.", "textgym.rewards.neural.")  # learned rewards have a contract of their own: tests/rewards/neural
OWN = [n for n in list_rewards() if rewards[n].__module__.startswith(HOMES[0]) and n not in NEED_MORE]
NAMES = [n for n in OWN if not rewards[n].__module__.startswith(HOMES[1])]
REFERENCES = ("the cat sat on the mat", "שלום 你好 👩\u200d🚀")
SAMPLE = Sample("a cat, where?", REFERENCES, {"required": ["cat", "mat"]})
TEXTS = ["", " \t\n", "\x00", "\ud800", "e\u0301", "...", "the", *SCRIPTS, *REFERENCES, "the cat " * 1000]


def made(name):
    try:
        reward = make_reward(OPTIONS.get(name, name))
    except (ConfigError, MissingExtraError) as error:
        pytest.fail(f"{name} is not made by its name, and stands in no list here: {error}")
    return replace(reward, documents=[SAMPLE, Sample("b", ("another cat",))]) if name == "cider" else reward


@pytest.mark.parametrize("name", NAMES)
def test_any_text_is_scored_within_the_bounds(name):
    reward = made(name)
    scores = reward(TEXTS, [SAMPLE] * len(TEXTS))
    low, high = reward.bounds
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert ((low - 1e-6 <= scores) & (scores <= high + 1e-6)).all()
    assert np.isfinite(reward.corpus(TEXTS, [SAMPLE] * len(TEXTS)))


@pytest.mark.parametrize("name", NAMES)
def test_a_score_does_not_depend_on_what_else_is_scored(name):
    reward = made(name)
    alone = np.concatenate([reward([text], [SAMPLE]) for text in TEXTS])
    np.testing.assert_array_equal(reward(TEXTS, [SAMPLE] * len(TEXTS)), alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_pickled_reward_scores_alike_and_signs_alike(name):
    reward = made(name)
    again = pickle.loads(pickle.dumps(reward))
    assert (again.signature, again.corpus_signature) == (reward.signature, reward.corpus_signature)
    assert name.split("(")[0] in reward.signature
    np.testing.assert_array_equal(again(TEXTS[:10], [SAMPLE] * 10), reward(TEXTS[:10], [SAMPLE] * 10))
