"""What goes wrong outside is counted, whatever stands around the reward."""

import copy
import pickle
import sys

import pytest

from textgym import Sample
from textgym.errors import RewardError
from textgym.rewards import make_reward, outside
from textgym.rewards.command import CommandReward
from textgym.rewards.judge import judge
from textgym.rewards.weighted_sum import WeightedSum
from textgym.rewards.wrappers import cached

NONE = {"timeouts": 0, "retries": 0, "respawns": 0, "substituted": 0}
SAMPLES = [Sample("p", ("r",))]
PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    q = json.loads(line)
    text = q["responses"][0]
    if text == "sleep": time.sleep(600)
    if text == "die": sys.exit(3)
    print(json.dumps({"scores": [0.5] * len(q["responses"])}), flush=True)
"""


@pytest.fixture
def reward(monkeypatch):
    monkeypatch.setattr(outside, "FIRST_PAUSE", 0.01)
    made = CommandReward([sys.executable, "-c", PROGRAM], retries=2, timeout=20, on_error="floor")
    yield made
    made.close()


def test_a_program_that_dies_is_counted_with_its_successors(reward):
    assert reward.fault_counts == NONE
    assert judge(reward, ["good"], SAMPLES).tolist() == [0.5]
    assert reward.fault_counts == NONE
    with pytest.warns(UserWarning, match="gave no scores"):
        assert judge(reward, ["die"], SAMPLES).tolist() == [0.0]
    assert reward.fault_counts == NONE | {"retries": 2, "respawns": 2, "substituted": 1}
    assert judge(reward, ["good"], SAMPLES).tolist() == [0.5]
    assert reward.fault_counts == NONE | {"retries": 2, "respawns": 3, "substituted": 1}
    assert reward.faults == 1


def test_a_program_that_hangs_is_counted(reward):
    judge(reward, ["good"], SAMPLES)
    reward.timeout, reward.retries = 0.2, 1
    with pytest.warns(UserWarning, match="gave no scores"):
        judge(reward, ["sleep"], SAMPLES)
    assert reward.fault_counts == NONE | {"timeouts": 2, "retries": 1, "respawns": 1, "substituted": 1}
    reward.on_error = "raise"
    with pytest.raises(RewardError, match="gave no answer within"):
        judge(reward, ["sleep"], SAMPLES)
    assert reward.fault_counts == NONE | {"timeouts": 4, "retries": 2, "respawns": 3, "substituted": 1}


def test_wrapped_and_summed_rewards_tell_the_counts_of_what_is_in_them(reward):
    reward.count_fault("retries", 3)
    other = CommandReward([sys.executable, "-c", PROGRAM], name="other")
    other.count_fault("retries")
    around = WeightedSum([(0.5, cached(reward)), (0.5, other), (1.0, make_reward("length"))])
    assert around.fault_counts == NONE | {"retries": 4}
    assert make_reward("bleu").fault_counts == {}
    assert make_reward("min(bleu, 0.5*length)").fault_counts == {}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda reward: pickle.loads(pickle.dumps(reward))])
def test_a_copy_counts_for_itself(reward, copied):
    reward.count_fault("retries")
    twin = copied(reward)
    twin.count_fault("retries")
    assert (reward.fault_counts["retries"], twin.fault_counts["retries"]) == (1, 2)
