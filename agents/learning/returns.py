"""Advantages of whole responses: pure functions of arrays."""

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]


def generalized_advantages(
    rewards: Float32Array,
    values: Float32Array,
    last_values: Float32Array,
    own: npt.NDArray[np.bool_],
    gamma: float,
    gae_lambda: float,
) -> Float32Array:
    """Return generalized advantage estimates, float32 [E, T]; zero where the policy did not act.

    An action's successor is the policy's next own action, whatever stands between them (Schulman et al., 2016, eq. 16).

    Args:
        rewards: [E, T].
        values: [E, T], the value before each action.
        last_values: [E], the value after the last action; zero where the episode terminated.
        own: [E, T], where the policy acted.
        gamma: The discount, per action.
        gae_lambda: The trade-off between bias (0) and variance (1).
    """
    advantages = np.zeros_like(rewards, dtype=np.float32)
    next_value = last_values.astype(np.float32)
    next_advantage = np.zeros_like(next_value)
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        advantage = delta + gamma * gae_lambda * next_advantage
        advantages[:, t] = np.where(own[:, t], advantage, 0)
        next_value = np.where(own[:, t], values[:, t], next_value)
        next_advantage = np.where(own[:, t], advantage, next_advantage)
    return advantages
