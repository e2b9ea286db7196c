"""Delayed rewards against their definition: what a step earned is paid k steps later, what is left at the end."""

import copy
import json
import math
from fractions import Fraction

import gymnasium as gym
import numpy as np
import pytest

from textgym import Sample
from textgym.delays import Unpaid, delayed
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError
from textgym.tokenizers import CharTokenizer
from textgym.vector import TextGenerationVectorEnv

DATA = [Sample("one", ("a dog sat",)), Sample("two", ("the cat", "a cat"))]
T = 10


def arguments(delay, **more):
    tokenizer = CharTokenizer("a dog sat the cat")
    known = {"data": DATA, "tokenizer": tokenizer, "reward": "chrf", "max_new_tokens": T, "shaping": "potential"}
    return (
        {"task": "translation", "missing_eos_penalty": 0.3, "min_new_tokens": 2, "reward_delay": delay} | known | more
    )


def responses(env, rows):
    """Return ids, eos among them, also where it is not allowed, and where each row ends."""
    space, rng = env.episodes.space, np.random.default_rng(0)
    ids = np.where(rng.random((rows, T)) < 0.15, space.eos_id, rng.integers(space.vocab_size, size=(rows, T)))
    lengths = np.where((ids == space.eos_id).any(axis=1), (ids == space.eos_id).argmax(axis=1) + 1, T)
    return ids, lengths


def by_definition(earned, delay):
    """Return what is paid for what one episode's steps earned."""
    last = len(earned) - 1
    left = math.fsum(earned[max(0, last - delay) :])
    return [earned[t - delay] if t >= delay else 0.0 for t in range(last)] + [left]


def played(env, row, index):
    env.reset(options={"index": index})
    rewards = []
    for token in row.tolist():
        _, reward, terminated, truncated, _ = env.step(token)
        rewards.append(reward)
        if terminated or truncated:
            return rewards
    raise AssertionError("T tokens end an episode")


@pytest.mark.parametrize("delay", [1, 3, T - 1, T, 99])
def test_an_environment_pays_by_the_definition_and_the_same_sum(delay):
    prompt, late = TextGenerationEnv(**arguments(0)), TextGenerationEnv(**arguments(delay))
    rows, _ = responses(prompt, 20)
    for i, row in enumerate(rows):
        earned, paid = played(prompt, row, i % 2), played(late, row, i % 2)
        assert paid == by_definition(earned, delay)
        assert sum(map(Fraction, paid)) == pytest.approx(sum(map(Fraction, earned)), abs=1e-15)
    assert any(played(prompt, row, 0)[-1] != played(late, row, 0)[-1] for row in rows)


@pytest.mark.parametrize("delay", [1, 3, T])
def test_lanes_and_whole_responses_pay_what_a_single_environment_pays(delay):
    envs, single = TextGenerationVectorEnv(**arguments(delay), num_envs=8), TextGenerationEnv(**arguments(delay))
    rows, lengths = responses(envs, 8)
    envs.reset(options={"index": np.arange(8) % 2})
    envs.begin(8)
    scores = envs.score(np.where(np.arange(T) < lengths[:, None], rows, -1), lengths)
    envs.reset(options={"index": np.arange(8) % 2})
    stepped = np.array([envs.step(rows[:, t])[1] for t in range(T)]).T
    for lane, length in enumerate(lengths.tolist()):
        expected = played(single, rows[lane], lane % 2)
        assert scores.rewards[lane].tolist() == expected + [0.0] * (T - length)
        assert stepped[lane, :length].tolist() == expected


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_the_next_episode_of_a_lane_owes_nothing(mode):
    late, prompt = (TextGenerationVectorEnv(**arguments(delay), num_envs=3, autoreset_mode=mode) for delay in (4, 0))
    rng, totals = np.random.default_rng(1), np.zeros((2, 3))
    for envs in (late, prompt):
        envs.reset(seed=3)
    compared = 0
    for _ in range(60):
        actions = rng.integers(late.episodes.space.vocab_size, size=3)
        (_, paid, ended, cut, _), (_, earned, *_) = late.step(actions), prompt.step(actions)
        totals += [paid, earned]
        over = ended | cut
        compared += over.sum()
        assert totals[0, over] == pytest.approx(totals[1, over], abs=1e-12)
        totals[:, over] = 0.0
    assert compared > 10


def test_snapshots_hold_what_is_owed():
    env, other = (TextGenerationEnv(**arguments(3)) for _ in range(2))
    env.reset(seed=0)
    for token in (3, 4, 5, 6):
        env.step(token)
    snapshot, twin = json.loads(json.dumps(env.snapshot())), copy.deepcopy(env)
    other.restore(snapshot)
    expected = [env.step(token)[1] for token in (3, 4, 5)]
    assert [other.step(token)[1] for token in (3, 4, 5)] == expected
    assert [twin.step(token)[1] for token in (3, 4, 5)] == expected
    envs = TextGenerationVectorEnv(**arguments(3), num_envs=2)
    envs.restore({"lanes": [snapshot, snapshot]})
    assert envs.snapshot()["lanes"] == [snapshot, snapshot]
    assert [envs.step(np.array([token, token]))[1].tolist() for token in (3, 4, 5)] == [[x, x] for x in expected]
    for delay in (0, 2):
        with pytest.raises(ConfigError, match=f"must hold {delay} rewards that are not paid yet"):
            TextGenerationEnv(**arguments(delay)).restore(snapshot)


def test_a_delay_is_for_shaped_rewards_and_at_least_none():
    with pytest.raises(ConfigError, match="reward_delay=3 is for rewards on every step: pass shaping='potential' too"):
        TextGenerationEnv(**arguments(3, shaping=None))
    with pytest.raises(ConfigError, match="reward_delay is in steps, so at least 0, got -1"):
        TextGenerationEnv(**arguments(-1))
    with pytest.raises(ConfigError, match="reward_delay must be a whole number"):
        TextGenerationEnv(**arguments(1.5))


def test_a_delay_of_all_steps_pays_the_score_at_the_end():
    env = gym.make("textgym/Translation-v0", shaping="potential", reward_delay=10**6, max_new_tokens=8)
    env.reset(seed=0)
    rewards, terminated = [], False
    while not terminated:
        _, reward, terminated, _, info = env.step(5)
        rewards.append(reward)
    assert rewards == [0.0] * 7 + [pytest.approx(info["score"], abs=1e-12)]


def test_arrays_and_steps_are_delayed_alike():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, T + 1, size=50)
    earned = np.where(np.arange(T) < lengths[:, None], rng.normal(size=(50, T)), 0.0)
    for delay in (1, 4, T, T + 3):
        expected = [by_definition(row[:n], delay) + [0.0] * (T - n) for row, n in zip(earned, lengths, strict=True)]
        assert delayed(earned, lengths, delay).tolist() == [list(map(float, row)) for row in expected]
    unpaid, lanes = Unpaid(2, 3), np.arange(2)
    assert unpaid.pay(lanes, np.array([1.0, 2.0]), np.array([False, True])).tolist() == [0.0, 2.0]
    assert (unpaid.owed(0), unpaid.owed(1)) == ([0.0, 0.0, 1.0], [0.0, 0.0, 0.0])
