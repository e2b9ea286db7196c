"""Advantages agree with Stable-Baselines3's buffer and with hand calculations."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from agents.learning.buffer import even_groups
from agents.learning.returns import generalized_advantages


def test_advantages_agree_with_stable_baselines3_on_ragged_episodes() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 7, 40)
    own = np.arange(6) < lengths[:, None]
    rewards = np.where(own, rng.normal(size=own.shape), 0).astype(np.float32)
    values = np.where(own, rng.normal(size=own.shape), 0).astype(np.float32)
    ours = generalized_advantages(rewards, values, np.zeros(40, dtype=np.float32), own, 0.9, 0.8)
    total = int(lengths.sum())
    stock = RolloutBuffer(total, spaces.Box(0, 1, (1,)), spaces.Discrete(2), gamma=0.9, gae_lambda=0.8)
    starts = np.concatenate([np.arange(n) == 0 for n in lengths])
    for reward, value, start in zip(rewards[own], values[own], starts, strict=True):
        zero = np.zeros((1, 1))
        stock.add(zero, zero, np.array([reward]), np.array([start]), torch.tensor([value]), torch.zeros(1))
    stock.compute_returns_and_advantage(torch.zeros(1), np.array([True]))
    np.testing.assert_allclose(ours[own], stock.advantages[:, 0], atol=1e-6)
    assert not ours[~own].any()


def test_the_last_value_is_bootstrapped_by_hand() -> None:
    one = np.ones((1, 2), dtype=np.float32)
    own = np.ones((1, 2), dtype=bool)
    advantages = generalized_advantages(one, 2 * one, np.array([5.0], dtype=np.float32), own, 0.5, 0.5)
    last = 1 + 0.5 * 5 - 2
    first = 1 + 0.5 * 2 - 2 + 0.5 * 0.5 * last
    np.testing.assert_allclose(advantages, [[first, last]])


def test_words_of_others_between_actions_are_skipped() -> None:
    """In a dialogue the successor of an action is the policy's next action."""
    rng = np.random.default_rng(1)
    rewards, values = rng.normal(size=(2, 3, 4)).astype(np.float32)
    gaps = np.zeros((3, 7), dtype=bool)
    gaps[:, [0, 1, 4, 6]] = True
    spread = np.zeros((2, 3, 7), dtype=np.float32)
    spread[0][gaps], spread[1][gaps] = rewards.ravel(), values.ravel()
    last = np.zeros(3, dtype=np.float32)
    dense = generalized_advantages(rewards, values, last, np.ones((3, 4), dtype=bool), 0.9, 0.7)
    np.testing.assert_allclose(generalized_advantages(*spread, last, gaps, 0.9, 0.7)[gaps], dense.ravel(), atol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 5, 64, 10_000])
def test_groups_hold_everything_once_and_are_even(batch_size: int | None) -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 9, 100)
    groups = even_groups(rng.permutation(100), sizes, batch_size)
    assert sorted(np.concatenate(groups).tolist()) == list(range(100))
    totals = [sizes[g].sum() for g in groups]
    if batch_size == 64:
        assert len(groups) == round(sizes.sum() / 64)
        assert max(totals) - min(totals) <= 16
    if batch_size in (None, 10_000):
        assert len(groups) == 1
