"""The whole-response view of an episode returns what the token view does, for every environment of the library."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction

from tests.tiny import EOS, TOKENIZER, all_ids, small
from textgym.errors import ConfigError
from textgym.wrappers import ResponseSpace, WholeResponse, WholeResponseVector

LANES, ROUNDS = 4, 5
T = 6


def made(id, **arguments):
    return gym.make(id, disable_env_checker=True, **small(id), **arguments)


@pytest.mark.parametrize("id", all_ids())
def test_one_action_returns_what_its_tokens_do(id):
    whole, token = WholeResponse(made(id)), made(id)
    whole.action_space.seed(2)
    for round in range(ROUNDS):
        seed = 9 if round == 0 else None
        left, right = whole.reset(seed=seed), token.reset(seed=seed)
        np.testing.assert_array_equal(left[0], right[0])
        assert left[1] == right[1]
        action = whole.action_space.sample()
        assert whole.action_space.contains(action)
        observation, reward, terminated, truncated, info = whole.step(action)
        total, refused = 0.0, False
        for i in action[action >= 0].tolist():
            last = token.step(i)
            total += last[1]
            refused |= "invalid_action" in last[4]
            if last[2] or last[3]:
                break
        np.testing.assert_array_equal(observation, last[0])
        assert (terminated, truncated) == last[2:4]
        assert reward == total
        assert info == last[4] | ({"invalid_action": True} if refused else {})


@pytest.mark.parametrize("id", all_ids())
def test_many_at_once_equal_one_at_a_time(id):
    many = WholeResponseVector(gym.make_vec(id, num_envs=LANES, autoreset_mode="SameStep", **small(id)))
    single = [WholeResponse(made(id)) for _ in range(LANES)]
    observations, infos = many.reset(seed=9)
    starts = [env.reset(seed=9 + lane) for lane, env in enumerate(single)]
    single[0].action_space.seed(4)
    for _ in range(ROUNDS):
        for lane, (observation, info) in enumerate(starts):
            np.testing.assert_array_equal(observations[lane], observation)
            assert {key: infos[key][lane] for key in info} == info
        actions = np.stack([single[0].action_space.sample() for _ in range(LANES)])
        observations, rewards, terminated, truncated, infos = many.step(actions)
        steps = [env.step(action) for env, action in zip(single, actions, strict=True)]
        for lane, (final, reward, ended, cut, info) in enumerate(steps):
            np.testing.assert_array_equal(infos["final_obs"][lane], final)
            assert rewards[lane] == pytest.approx(reward, abs=1e-12)
            assert (terminated[lane], truncated[lane]) == (ended, cut)
            told = {
                key: column[lane] for key, column in infos["final_info"].items() if f"_{key}" in infos["final_info"]
            }
            assert {**told, "invalid_action": bool(told.get("invalid_action"))} == {
                **info,
                "invalid_action": "invalid_action" in info,
            }
        starts = [env.reset() for env in single]


def test_a_text_is_an_action():
    env = WholeResponse(made("tests/Tiny-v0"))
    env.reset(options={"index": 0})
    assert env.step(env.encode("cab"))[4]["response"] == "cab"
    env.reset(options={"index": 0})
    assert env.step(env.encode("abcabcabc"))[4]["response"] == "abcabc"


def test_what_stands_after_the_end_is_not_read():
    env = WholeResponse(made("tests/Tiny-v0"))
    env.reset(options={"index": 0})
    a = TOKENIZER.encode("a")[0]
    assert env.step(np.array([a, EOS, a, a, a, a]))[4] | {"x": 1} == {
        "response": "a",
        "finish": "eos",
        "score": env.unwrapped._return,
        "length": 2,
        "x": 1,
    }


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(5, int), r"whole numbers \[6\], got int64 \(5,\)"),
        (np.zeros(6), r"got float64 \(6,\)"),
        ("abc", "whole numbers"),
        (np.full(6, 99), r"ids in \[0, "),
        (np.full(6, -2), r"ids in \[0, "),
    ],
)
def test_other_actions_are_refused(action, message):
    env = WholeResponse(made("tests/Tiny-v0"))
    env.reset()
    with pytest.raises(InvalidAction, match=message):
        env.step(action)


def test_without_an_eos_a_response_fills_all_columns():
    env = WholeResponse(made("tests/Tiny-v0", stop_at_eos=False))
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="without an eos it needs 6 ids"):
        env.step(np.array([0, 1, -1, -1, -1, -1]))
    env.step(env.action_space.sample())


def test_spaces_are_equal_when_what_they_hold_is():
    one, two = (made("tests/Tiny-v0").unwrapped.episodes for _ in range(2))
    assert ResponseSpace(one) == ResponseSpace(two)
    assert ResponseSpace(one) != ResponseSpace(made("tests/TinyStrict-v0").unwrapped.episodes)
    assert repr(ResponseSpace(one)) == f"ResponseSpace(V={TOKENIZER.vocab_size}, T=6)"


def test_the_vector_view_needs_lanes_that_start_anew_at_once():
    with pytest.raises(ConfigError, match="NEXT_STEP"):
        WholeResponseVector(gym.make_vec("tests/Tiny-v0", num_envs=2))
