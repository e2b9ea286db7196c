"""Rewards around rewards: functions for code, and under the same names for expressions.

Where a number can stand for a reward, as in ``minimum(reward, 0.5)``, the result is a function of both. What concerns
steps rather than responses are arguments of the environment: ``shaping``, ``reward_delay``, ``missing_eos_penalty``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from textgym.arguments import real_number
from textgym.core import Reward
from textgym.errors import ConfigError
from textgym.rewards.cached import Cached
from textgym.rewards.composite import Operand
from textgym.rewards.formula import Formula
from textgym.rewards.length import Length
from textgym.rewards.noise import Noise
from textgym.rewards.running_norm import RunningNorm
from textgym.rewards.weighted_sum import WeightedSum


def minimum(*operands: Operand) -> Reward:
    """Return the least of rewards and numbers."""
    return Formula("min", *_some(operands))


def maximum(*operands: Operand) -> Reward:
    """Return the greatest of rewards and numbers."""
    return Formula("max", *_some(operands))


def magnitude(reward: Reward) -> Reward:
    """Return the reward without its sign."""
    return Formula("abs", _reward(reward))


def clip(reward: Reward, low: float, high: float) -> Reward:
    """Return the reward, at least ``low`` and at most ``high``."""
    low, high = _range(low, high)
    return Formula("clip", _reward(reward), low, high)


def rescale(reward: Reward, low: float, high: float) -> Reward:
    """Return where the reward lies in a range: 0 at ``low`` and below, 1 at ``high`` and above."""
    low, high = _range(low, high)
    return clip(WeightedSum([(1 / (high - low), _reward(reward))], -low / (high - low)), 0.0, 1.0)


def sparse(reward: Reward, threshold: float) -> Reward:
    """Return the reward where it reaches ``threshold``, 0 elsewhere."""
    inner = _reward(reward)
    return Formula("*", inner, Formula(">=", inner, real_number("threshold", threshold)))


def noisy(reward: Reward, std: float = 0.1, seed: int = 0) -> Reward:
    """Return the reward with :class:`~textgym.rewards.noise.Noise`, which the text determines."""
    return WeightedSum([(1.0, _reward(reward)), (1.0, Noise(std, seed))])


def length_penalised(reward: Reward, weight: float, over: float = 0.0) -> Reward:
    """Return the reward less ``weight`` for every word of the response beyond the first ``over``."""
    excess = Formula("max", WeightedSum([(1.0, Length())], -real_number("over", over)), 0.0)
    return WeightedSum([(1.0, _reward(reward)), (-real_number("weight", weight), excess)])


def running_norm(reward: Reward, limit: float = 10.0) -> Reward:
    """Return a :class:`~textgym.rewards.running_norm.RunningNorm`, which has a state: read its documentation."""
    return RunningNorm(_reward(reward), limit)


def cached(reward: Reward, entries: int = 100_000) -> Reward:
    """Return a :class:`~textgym.rewards.cached.Cached`, which asks a costly reward once about equal texts."""
    return Cached(_reward(reward), entries)


class Function(NamedTuple):
    """What an expression calls, and how a call is written."""

    call: Callable[..., Reward]
    usage: str


FUNCTIONS: dict[str, Function] = {
    "min": Function(minimum, "min(bleu, rougeL)"),
    "max": Function(maximum, "max(bleu, 0.1)"),
    "abs": Function(magnitude, "abs(bleu - rougeL)"),
    "clip": Function(clip, "clip(bleu, 0, 0.5)"),
    "rescale": Function(rescale, "rescale(length, 0, 40)"),
    "sparse": Function(sparse, "sparse(bleu, 0.3)"),
    "noisy": Function(noisy, "noisy(bleu, std=0.1, seed=0)"),
    "length_penalised": Function(length_penalised, "length_penalised(bleu, 0.01, over=20)"),
    "running_norm": Function(running_norm, "running_norm(bleu, limit=10)"),
    "cached": Function(cached, "cached(bleu, entries=100000)"),
}


def _reward(value: Any) -> Reward:
    if not isinstance(value, Reward):
        raise ConfigError(f"the first argument must be a reward, got {value!r}.")
    return value


def _some(operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    numbers = [real_number("an argument", value) for value in operands if not isinstance(value, Reward)]
    if len(operands) < 2 or len(numbers) == len(operands) or not np.isfinite(numbers).all():
        raise ConfigError(f"two or more rewards and finite numbers, at least one of them a reward, got {operands}.")
    return operands


def _range(low: Any, high: Any) -> tuple[float, float]:
    ends = real_number("low", low), real_number("high", high)
    if not (np.isfinite(ends).all() and ends[0] < ends[1]):
        raise ConfigError(f"low must be below high, both finite, got {low} and {high}.")
    return ends
