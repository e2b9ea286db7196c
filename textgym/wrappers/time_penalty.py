"""Every token costs something."""

from __future__ import annotations

from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from textgym.arguments import real_number
from textgym.errors import ConfigError
from textgym.wrappers.base import Observation, TextVectorWrapper, TextWrapper


class TimePenalty(TextWrapper):
    """Each step pays ``cost`` less, the last one included.

    Args:
        env: A text environment.
        cost: At least 0, in units of the reward.
    """

    def __init__(self, env: gym.Env[Any, Any], cost: float) -> None:
        super().__init__(env, cost=cost)
        self.cost = _checked(cost)

    def step(self, action: SupportsIndex) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Write a token."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, float(reward) - self.cost, terminated, truncated, info


class TimePenaltyVector(TextVectorWrapper):
    """The same in every lane; a step that only starts an episode, as in mode NextStep, is free.

    Args:
        env: A native vector environment.
        cost: At least 0, in units of the reward.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any], cost: float) -> None:
        super().__init__(env)
        self.cost = _checked(cost)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Write a token in each lane."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        only_started = self.native.autoreset_mode is AutoresetMode.NEXT_STEP and infos.get("_index", False)
        return observations, np.where(only_started, rewards, rewards - self.cost), terminated, truncated, infos


def _checked(cost: float) -> float:
    if not 0.0 <= real_number("cost", cost) < np.inf:
        raise ConfigError(f"cost must be at least 0 and finite, got {cost}.")
    return float(cost)
