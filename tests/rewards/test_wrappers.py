"""Rewards around rewards, as objects; as text they are tested in test_expression."""

import copy
import json
import pickle

import numpy as np
import pytest

from textgym.core import Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards import make_reward
from textgym.rewards.cached import Cached
from textgym.rewards.running_norm import RunningNorm
from textgym.rewards.wrappers import (
    FUNCTIONS,
    cached,
    clip,
    length_penalised,
    magnitude,
    maximum,
    minimum,
    noisy,
    rescale,
    running_norm,
    sparse,
)

SAMPLES = [Sample(f"p{i}", ("the cat sat on the mat",)) for i in range(4)]
RESPONSES = ["the cat sat on the mat", "the cat sat", "dogs", ""]


@pytest.mark.parametrize(
    ("reward", "text"),
    [
        (lambda bleu: minimum(bleu, 0.5), "min(bleu, 0.5)"),
        (lambda bleu: maximum(bleu, 0.5), "max(bleu, 0.5)"),
        (lambda bleu: magnitude(bleu), "abs(bleu)"),
        (lambda bleu: clip(bleu, 0.1, 0.5), "clip(bleu, 0.1, 0.5)"),
        (lambda bleu: rescale(bleu, 0.1, 0.5), "rescale(bleu, 0.1, 0.5)"),
        (lambda bleu: sparse(bleu, 0.4), "sparse(bleu, 0.4)"),
        (lambda bleu: noisy(bleu, std=0.2, seed=5), "noisy(bleu, std=0.2, seed=5)"),
        (lambda bleu: length_penalised(bleu, 0.1, over=2), "length_penalised(bleu, 0.1, over=2)"),
        (lambda bleu: running_norm(bleu, limit=3), "running_norm(bleu, limit=3)"),
        (lambda bleu: cached(bleu, entries=2), "cached(bleu, entries=2)"),
    ],
)
def test_objects_equal_their_text_pickle_and_copy(reward, text):
    made = reward(make_reward("bleu"))
    values = made(RESPONSES, SAMPLES)
    assert (make_reward(text)(RESPONSES, SAMPLES) == values).all()
    assert make_reward(text).signature == made.signature
    assert made.needs_references
    for twin in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert (twin(RESPONSES, SAMPLES) == values).all()
    assert text.partition("(")[0] in FUNCTIONS


@pytest.mark.parametrize("usage", [function.usage for function in FUNCTIONS.values()])
def test_the_usage_that_an_error_shows_is_a_reward(usage):
    make_reward(usage)(RESPONSES, SAMPLES)


# --- running norm ----------------------------------------------------------------------------------------------------


def test_mean_and_deviation_are_those_of_all_that_was_observed():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 3, 100)
    norm = running_norm(make_reward("length"), limit=4)
    for batch in np.split(values, [1, 7, 8, 40]):
        norm.observe({"length": batch})
    assert norm.mean == pytest.approx(values.mean())
    assert norm.deviation == pytest.approx(values.std())
    scores = norm(["a " * 5, "a " * 100], SAMPLES[:2])
    assert scores == pytest.approx([(5 - values.mean()) / values.std(), 4])


def test_judging_changes_nothing_and_a_frozen_norm_learns_nothing():
    norm = running_norm(make_reward("length"))
    norm.observe({"length": np.array([1.0, 3.0])})
    state = norm.state()
    assert norm(RESPONSES, SAMPLES).tolist() == norm(RESPONSES, SAMPLES).tolist() == [4, 1, -1, -2]
    norm.frozen = True
    norm.observe({"length": np.array([100.0])})
    assert norm.state() == state


def test_equal_scores_are_passed_on_and_an_empty_batch_is_nothing():
    norm = running_norm(make_reward("length"))
    norm.observe({"length": np.array([])})
    norm.observe({"length": np.full(9, 3.0)})
    assert norm(["a b"], SAMPLES[:1]).tolist() == [2]


def test_states_of_norms_within_norms_go_through_json():
    text = "running_norm(0.5*running_norm(length) + bleu, limit=2) - running_norm(bleu)"
    first, second = make_reward(text), make_reward(text)
    for responses in (RESPONSES, [*RESPONSES[1:], "a b c d e"]):
        first.observe(first.parts(responses, SAMPLES))
    second.load_state(json.loads(json.dumps(first.state())))
    assert len(first.state()) == 3
    assert (second(RESPONSES, SAMPLES) == first(RESPONSES, SAMPLES)).all()
    assert second.state() == first.state()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([], "needs count, mean, squares, got None"),
        ([{"count": 1}], "needs count, mean, squares, got"),
        ([{"count": 1, "mean": "x", "squares": 0}], "mean must be a number, got 'x'"),
        ([{"count": -1, "mean": 0, "squares": 0}], "cannot be"),
        ([{"count": 1, "mean": 0, "squares": 0}] * 2, "1 entries are left over"),
    ],
)
def test_states_that_do_not_fit_are_refused(state, message):
    with pytest.raises(ConfigError, match=message):
        running_norm(make_reward("length")).load_state(state)


# --- cache -----------------------------------------------------------------------------------------------------------


class Counting(Reward):
    """The length of the response and of the prompt, and how often each was asked for."""

    name = "counting"
    bounds = (0.0, 1000.0)

    def __init__(self):
        self.asked = []

    def __call__(self, responses, samples):
        self.asked += responses
        return np.array([len(text) + len(sample.prompt) for text, sample in zip(responses, samples, strict=True)])


def test_equal_texts_are_asked_about_once():
    inner = Counting()
    reward = Cached(inner)
    samples = [Sample("p"), Sample("p"), Sample("pp"), Sample("p", ("r",))]
    expected = [2, 2, 3, 2]
    assert reward(["a"] * 4, samples).tolist() == expected
    assert inner.asked == ["a"] * 3  # prompts and references differ
    assert reward(["a"] * 4, samples).tolist() == expected
    assert (reward.hits, reward.misses) == (5, 3)


def test_the_memory_is_bounded_and_the_oldest_go_first():
    inner = Counting()
    reward = Cached(inner, entries=2)
    for text in ("a", "bb", "ccc", "bb", "a"):
        assert reward([text], [Sample("")]).tolist() == [len(text)]
    assert inner.asked == ["a", "bb", "ccc", "a"]
    assert reward(list("abcdef"), [Sample("")] * 6).tolist() == [1] * 6
    assert len(reward._known) == 2


def test_a_score_that_broke_the_contract_is_not_remembered():
    class Broken(Reward):
        def __call__(self, responses, samples):
            return [float("nan")] * len(responses)

    reward = Cached(Broken())
    for _ in range(2):
        with pytest.raises(RewardError, match="scores must be finite"):
            reward(["a"], [Sample("p")])


def test_corpus_scores_and_signatures_are_those_of_the_reward():
    reward, bleu = make_reward("cached(bleu)"), make_reward("bleu")
    assert reward.corpus(RESPONSES, SAMPLES) == bleu.corpus(RESPONSES, SAMPLES)
    assert reward.corpus_signature == bleu.corpus_signature
    assert (reward.bounds, reward.scale) == (bleu.bounds, bleu.scale)
    norm = Cached(Counting())
    assert norm.corpus(["a", "bbb"], [Sample("")] * 2) == 2


def test_a_copy_forgets():
    inner = Counting()
    reward = Cached(inner)
    reward(["a"], [Sample("")])
    assert pickle.loads(pickle.dumps(reward))._known == {}
    with pytest.raises(ConfigError, match="at least one entry"):
        Cached(inner, entries=0)


def test_running_norm_refuses_what_is_no_reward():
    with pytest.raises(ConfigError, match=r"must be a reward, got 0\.5"):
        running_norm(0.5)
    assert isinstance(running_norm(make_reward("bleu")), RunningNorm)
