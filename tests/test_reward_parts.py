"""What environments tell of a composed reward, what they charge for a missing eos, and rewards with a state."""

import copy
import json
import re

import gymnasium as gym
import numpy as np
import pytest

from tests.tiny import EOS, SAMPLES
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError
from textgym.rewards import make_reward
from textgym.vector import TextGenerationVectorEnv

REWARD = "0.5*edit_similarity - 0.01*length + min(distinct, 0.5)"
LETTERS = {char: i for i, char in enumerate("abcdefgh ")}


def play(env, text, index=0, eos=True):
    """Write a text; return the last step."""
    env.reset(options={"index": index})
    steps = [env.step(LETTERS[char]) for char in text]
    return env.step(EOS) if eos else steps[-1]


def test_the_last_step_tells_the_score_of_each_part():
    env = TextGenerationEnv("tiny", reward=REWARD)
    *_, info = play(env, "cab")
    parts = {key: value for key, value in info.items() if key.startswith("reward/")}
    expected = {name: float(make_reward(name)(["cab"], SAMPLES[:1])[0]) for name in ("edit_similarity", "length")}
    assert parts == {f"reward/{name}": value for name, value in expected.items()} | {"reward/distinct": 0.0}
    assert info["score"] == pytest.approx(0.5 * 1 - 0.01)
    *_, info = play(TextGenerationEnv("tiny", reward="edit_similarity"), "cab")
    assert not any(key.startswith("reward/") for key in info)  # it is the score


def test_whole_responses_tell_the_parts_in_arrays():
    env = TextGenerationVectorEnv("tiny", num_envs=2, reward=REWARD, autoreset_mode="SameStep")
    env.reset(options={"index": np.array([0, 1])})
    env.begin(2)
    scores = env.score(np.array([[LETTERS["a"], EOS, -1, -1, -1, -1], [LETTERS["a"]] * 6]), np.array([2, 6]))
    assert scores.infos["reward/length"].tolist() == [1.0, 1.0]
    assert scores.infos["reward/edit_similarity"].tolist() == pytest.approx([1 / 3, 1 / 6])


@pytest.mark.parametrize("shaping", [None, "potential"])
@pytest.mark.parametrize("on_length", ["terminate", "truncate"])
def test_a_missing_eos_costs_at_the_end_and_leaves_the_score_alone(shaping, on_length):
    arguments = {"reward": "tiny-length", "shaping": shaping, "on_length": on_length}
    free = TextGenerationEnv("tiny", **arguments)
    env = TextGenerationEnv("tiny", missing_eos_penalty=0.25, **arguments)
    assert play(env, "aaaaa")[1] == play(free, "aaaaa")[1]
    full, base = play(env, "aaaaaa", eos=False), play(free, "aaaaaa", eos=False)
    assert full[1] == base[1] - 0.25
    assert full[4]["finish"] == "length"
    assert full[4]["score"] == base[4]["score"] == 0.06


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"missing_eos_penalty": -1}, "missing_eos_penalty is a cost, so at least 0, got -1.0."),
        ({"missing_eos_penalty": float("nan")}, "missing_eos_penalty is a cost"),
        ({"missing_eos_penalty": "1"}, "missing_eos_penalty must be a number, got '1' (str)."),
        ({"missing_eos_penalty": 1, "stop_at_eos": False}, "would punish every response, as stop_at_eos=False"),
    ],
)
def test_senseless_penalties_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        TextGenerationEnv("tiny", **arguments)


# --- rewards with a state --------------------------------------------------------------------------------------------


def normalised(split="train", **arguments):
    return TextGenerationEnv("tiny", split=split, reward="running_norm(length) + 0.0*distinct", **arguments)


def test_a_running_norm_learns_from_each_finished_training_response_once():
    env = normalised()
    scores = [play(env, text)[4]["score"] for text in ("a", "a b c", "a b")]
    assert scores == pytest.approx(
        [1, 3, (2 - 2) / 1]
    )  # before two different scores, as it is; then mean 2, deviation 1
    state = env.episodes.reward.state()
    assert state == [{"count": 3, "mean": pytest.approx(2), "squares": pytest.approx(2)}]


def test_shaping_learns_from_the_end_only():
    env = normalised(shaping="potential")
    play(env, "a b c")
    assert env.episodes.reward.state()[0]["count"] == 1


def test_evaluation_leaves_the_state_alone():
    env = normalised(split="test")
    for text in ("a", "a b c", "a b"):
        assert play(env, text)[4]["score"] == len(text.split())
    assert env.episodes.reward.state() == [{"count": 0, "mean": 0.0, "squares": 0.0}]


def test_a_snapshot_holds_the_state_and_copies_part_from_it():
    env = normalised()
    play(env, "a")
    play(env, "a b c")
    snapshot = json.loads(json.dumps(env.snapshot()))
    assert snapshot["reward"] == [{"count": 2, "mean": 2.0, "squares": 2.0}]
    twin = copy.deepcopy(env)
    fresh = normalised()
    expected = play(env, "a b c")[1]
    assert play(twin, "a b c")[1] == expected
    fresh.restore(snapshot)
    assert play(fresh, "a b c")[1] == expected
    del snapshot["reward"]
    with pytest.raises(
        ConfigError, match=r"The state of 'running_norm\(length, limit=10\)' needs count, mean, squares"
    ):
        fresh.restore(snapshot)


def test_the_vector_environment_learns_once_for_each_batch_and_restores():
    env = TextGenerationVectorEnv("tiny", num_envs=3, reward="running_norm(length)", autoreset_mode="SameStep")
    env.reset(seed=0)
    env.begin(3)
    a, space = LETTERS["a"], LETTERS[" "]
    rows = [[a, EOS, -1, -1, -1, -1], [a, space, a, EOS, -1, -1], [a, space, a, space, a, EOS]]
    scores = env.score(np.array(rows), np.array([2, 4, 6]))
    assert scores.infos["score"].tolist() == [1, 2, 3]
    assert env.snapshot()["reward"] == [{"count": 3, "mean": 2.0, "squares": 2.0}]
    for action in [a, space, a, space, a]:
        env.step(np.full(3, action))
    snapshot = json.loads(json.dumps(env.snapshot()))
    *_, infos = env.step(np.full(3, EOS))
    expected = infos["final_info"]["score"]
    assert expected == pytest.approx([(3 - 2) / np.sqrt(2 / 3)] * 3)
    assert env.snapshot()["reward"][0]["count"] == 6
    env.restore(snapshot)
    assert env.snapshot()["reward"][0]["count"] == 3
    np.testing.assert_array_equal(env.step(np.full(3, EOS))[4]["final_info"]["score"], expected)


def test_composed_rewards_of_names_are_json_in_the_spec():
    env = gym.make("tests/Tiny-v0", reward=REWARD, missing_eos_penalty=0.5)
    assert gym.envs.registration.EnvSpec.from_json(env.spec.to_json()).kwargs["reward"] == REWARD
