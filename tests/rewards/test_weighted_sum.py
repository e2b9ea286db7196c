import copy
import pickle

import numpy as np
import pytest

from textgym.core import Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards import FunctionReward, WeightedSum, make_reward
from textgym.rewards.bleu import BLEU
from textgym.rewards.chrf import CHRF

SAMPLES = [Sample("1", ("the cat sat on the mat", "a cat sat there")), Sample("2", "dogs bark"), Sample("3", "no")]
RESPONSES = ["the cat sat there", "dogs bark loudly", "yes"]


def test_sentence_scores_are_the_weighted_sum_of_the_parts():
    reward = make_reward("0.5*bleu - 0.1*rougeL + 2*edit_similarity")
    parts = [make_reward(name)(RESPONSES, SAMPLES) for name in ("bleu", "rougeL", "edit_similarity")]
    assert reward(RESPONSES, SAMPLES) == pytest.approx(0.5 * parts[0] - 0.1 * parts[1] + 2 * parts[2], abs=1e-15)


def test_corpus_score_is_the_weighted_sum_of_corpus_scores():
    reward = make_reward("0.5*bleu - 0.1*rougeL + 2*chrf")
    parts = [make_reward(name).corpus(RESPONSES, SAMPLES) for name in ("bleu", "rougeL", "chrf")]
    assert reward.corpus(RESPONSES, SAMPLES) == pytest.approx(0.5 * parts[0] - 0.1 * parts[1] + 2 * parts[2], abs=1e-15)
    assert reward.statistics(RESPONSES, SAMPLES).shape == (3, 10 + 1 + 18)


def test_sums_of_sums_aggregate_many_resamples_at_once():
    reward = WeightedSum([(2, make_reward("bleu + rouge1")), (-1, make_reward("chrf"))])
    rows = np.array([[0, 0, 1], [2, 1, 0]])
    totals = reward.statistics(RESPONSES, SAMPLES)[rows].sum(axis=1)
    expected = [reward.corpus([RESPONSES[i] for i in row], [SAMPLES[i] for i in row]) for row in rows]
    assert reward.aggregate(totals, 3) == pytest.approx(expected, abs=1e-15)


def test_bounds_scale_and_needs_come_from_the_parts():
    reward = make_reward("0.5*bleu - 0.25*chrf")
    assert reward.bounds == (-0.25, 0.5)
    assert reward.scale == 100
    assert reward.needs_references
    assert make_reward("bleu + rougeL").scale == 1
    free = WeightedSum([(0, FunctionReward(len)), (1, FunctionReward(len, bounds=(2, 3)))])
    assert free.bounds == (2, 3)
    assert not free.needs_references


def test_signatures_join_weights_and_parts():
    reward = make_reward("0.5*bleu - 0.1*chrf")
    assert reward.name == "0.5*bleu - 0.1*chrf"
    assert reward.signature == f"0.5*{BLEU().signature} - 0.1*{CHRF().signature}"
    assert reward.corpus_signature == f"0.5*{BLEU().corpus_signature} - 0.1*{CHRF().corpus_signature}"
    assert repr(reward).startswith("WeightedSum([(0.5, BLEU(tokenize='13a'")


def test_a_part_that_breaks_its_contract_is_named():
    reward = WeightedSum([(0.5, BLEU()), (0.5, FunctionReward(lambda response, sample: 7, "seven", bounds=(0, 1)))])
    with pytest.raises(RewardError, match=r"'seven' broke its contract at row 0 \(prompt '1'\): scores must lie in"):
        reward(RESPONSES, SAMPLES)


def test_statistics_of_nothing_must_have_a_width():
    class Flat(Reward):
        name = "flat"

        def __call__(self, responses, samples):
            return np.zeros(len(responses))

        def statistics(self, responses, samples):
            return np.array([[1.0, 2.0] for _ in responses])

    with pytest.raises(RewardError, match=r"'flat' must give statistics of shape \[N, K\] for N = 0 too, got \[0\]"):
        WeightedSum([(1, Flat())]).corpus(RESPONSES, SAMPLES)


def test_sums_pickle_and_copy():
    reward = make_reward("0.5*bleu + 0.5*rougeL(use_stemmer=True)")
    before = reward(RESPONSES, SAMPLES)
    for twin in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward)):
        assert twin.components == reward.components
        assert (twin(RESPONSES, SAMPLES) == before).all()


@pytest.mark.parametrize("components", [[], [(float("inf"), BLEU())]])
def test_senseless_sums_are_refused(components):
    with pytest.raises(ConfigError, match=r"A weighted sum needs at least one reward and finite weights, got \["):
        WeightedSum(components)
