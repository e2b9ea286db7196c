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


def group_advantages(returns: Float32Array, size: int, scale: bool = True) -> Float32Array:
    """Return how much better each response is than the others to its prompt, float32 [N] (Shao et al., 2024, sec. 4.1).

    The mean of the group is subtracted and, with ``scale``, the result divided by the group's standard deviation (of a
    sample, with Bessel's correction) plus 1e-4. A group whose responses are paid alike gives zeros.

    Args:
        returns: [N], the responses of a prompt side by side.
        size: G, responses per prompt, at least 2; N is a multiple of it.
        scale: Whether to divide.
    """
    groups = _differences(returns, size)
    advantages = groups - groups.mean(axis=1, keepdims=True)
    if scale:
        advantages = advantages / (groups.std(axis=1, ddof=1, keepdims=True) + np.float32(1e-4))
    return np.asarray(advantages.reshape(-1), dtype=np.float32)


def leave_one_out_advantages(returns: Float32Array, size: int) -> Float32Array:
    """Return each return less the mean of the others of its group, float32 [N] (Kool et al., 2019, eq. 8).

    Args:
        returns: [N], the responses of a prompt side by side.
        size: G, responses per prompt, at least 2; N is a multiple of it.
    """
    groups = _differences(returns, size)
    others = (groups.sum(axis=1, keepdims=True) - groups) / (size - 1)
    return np.asarray((groups - others).reshape(-1), dtype=np.float32)


def _differences(returns: Float32Array, size: int) -> Float32Array:
    """Return groups of returns [N / G, G] less the first of each, so that equal ones are 0 whatever the mean rounds."""
    groups = returns.reshape(-1, size)
    return groups - groups[:, :1]
