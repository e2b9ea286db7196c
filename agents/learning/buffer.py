"""A rollout buffer whose minibatches are whole sequences, so that an update needs one forward pass for each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from agents.learning.returns import Float32Array, generalized_advantages
from agents.policy import Sequences
from textgym import TokenSpace


@dataclass
class Experience:
    """E sequences (or parts of them, where a rollout ended in mid-episode) and what is known of every action.

    Attributes:
        observations: int32 [E, P + T], everything that was read or written.
        own: bool [E, T], which response positions hold the policy's own actions.
        rewards: float32 [E, T], zero where the policy did not act; likewise the next two.
        values: float32 [E, T], before each action.
        log_probs: float32 [E, T].
        last_values: float32 [E], after the last action; zero where the episode terminated.
        reference_log_probs: float32 [E, T], of the reference policy where it wrote beside the policy; else None.
    """

    observations: npt.NDArray[np.int32]
    own: npt.NDArray[np.bool_]
    rewards: Float32Array
    values: Float32Array
    log_probs: Float32Array
    last_values: Float32Array
    reference_log_probs: Float32Array | None = None

    def first(self, count: int) -> Experience:
        """Return the first sequences alone."""
        given: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return Experience(**{name: array[:count] for name, array in given.items() if array is not None})

    def sequences(self, rows: npt.NDArray[np.int64], device: torch.device) -> tuple[Sequences, torch.Tensor]:
        """Return rows as the policy evaluates them, and their own actions, int64 [N]."""
        observations = torch.as_tensor(self.observations[rows], device=device).long()
        own = torch.as_tensor(self.own[rows], device=device)
        return Sequences(observations, own), observations[:, -own.shape[1] :][own]


class SequenceRolloutBuffer(RolloutBuffer):
    """Holds whole responses; the unmodified ``train()`` of PPO and A2C reads it.

    It is filled at once by :meth:`add_experience`, or step by step as Stable-Baselines3 does; in both cases
    ``get(batch_size)`` yields groups of sequences of about ``batch_size`` actions, with the actions, advantages and
    the rest laid out flat, sequence by sequence.

    ``before_returns`` may change the experience, for instance subtract a penalty from the rewards, before advantages
    are computed.
    """

    experience: Experience | None
    drawn: list[npt.NDArray[np.int64]] | None  # the steps of the next epoch, where they are known before
    left: list[npt.NDArray[np.int64]]  # those of this epoch that are not over
    epochs = 0  # that have begun since the rollout

    def __init__(self, *args: Any, before_returns: Callable[[Experience], None] | None = None, **kwargs: Any) -> None:
        self.before_returns = before_returns
        super().__init__(*args, **kwargs)

    def reset(self) -> None:
        """Forget everything; memory for single steps is taken when the first one comes."""
        self.experience, self.drawn = None, None
        self.pos = 0
        self.full = False

    def add(self, obs: np.ndarray, *args: Any, **kwargs: Any) -> None:
        """Add one step of every environment, as Stable-Baselines3's buffer does."""
        if self.pos == 0:
            super().reset()
        super().add(obs, *args, **kwargs)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: npt.NDArray[np.bool_]) -> None:
        """Turn the steps into sequences and compute their advantages; see ``RolloutBuffer`` for the arguments."""
        bootstrap = last_values.cpu().numpy().flatten() * (1.0 - dones)
        self.add_experience(self._from_steps(bootstrap.astype(np.float32)))

    def add_experience(self, experience: Experience) -> None:
        """Take a whole rollout and compute its advantages and returns."""
        if self.before_returns is not None:
            self.before_returns(experience)
        own = experience.own
        advantages = generalized_advantages(
            experience.rewards, experience.values, experience.last_values, own, self.gamma, self.gae_lambda
        )
        self.experience, self.epochs = experience, 0
        self.row_advantages = advantages
        self.values = experience.values[own]
        self.returns = (advantages + experience.values)[own]
        self.full = True

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Yield all sequences once in random order, in groups of about ``batch_size`` actions (None: one group)."""
        for rows in self.steps(batch_size):
            yield self._minibatch(rows)

    def steps(self, batch_size: int | None) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the rows of each step of the optimizer in one epoch, which :meth:`get` gives as minibatches."""
        assert self.experience is not None, "the buffer is empty: collect a rollout first"
        self.left = draw_steps(self.experience, batch_size) if self.drawn is None else self.drawn
        self.drawn = None
        self.epochs += 1
        while self.left:
            yield self.left[0]
            self.left = self.left[1:]

    def _minibatch(self, rows: npt.NDArray[np.int64]) -> RolloutBufferSamples:
        data = cast(Experience, self.experience)
        own = data.own[rows]
        sequences, actions = data.sequences(rows, self.device)
        flat = (data.values, data.log_probs, self.row_advantages, self.row_advantages + data.values)
        return RolloutBufferSamples(
            cast(torch.Tensor, sequences), actions, *(self.to_torch(array[rows][own]) for array in flat)
        )

    def _from_steps(self, bootstrap: Float32Array) -> Experience:
        """Cut every environment's column of steps where episodes start; a last, open episode is bootstrapped."""
        space = cast(TokenSpace, self.observation_space)
        P, T = space.max_prompt_tokens, space.max_new_tokens
        starts = self.episode_starts.astype(bool).copy()
        starts[0] = True
        env, first = np.nonzero(starts.T)
        last = np.where(np.append(env[1:] == env[:-1], False), np.append(first[1:], 0), self.buffer_size) - 1
        observations = self.observations[last, env].astype(np.int32)
        written = (self.observations[:, :, P:] >= 0).sum(axis=2)  # [steps, envs], the column of each step's action
        n = len(env)
        columns = {name: np.zeros((n, T), dtype=np.float32) for name in ("rewards", "values", "log_probs")}
        own = np.zeros((n, T), dtype=bool)
        segment = np.cumsum(starts.T.reshape(-1)).reshape(starts.T.shape).T - 1  # [steps, envs]
        own[segment, written] = True
        for name, grid in columns.items():
            grid[segment, written] = getattr(self, name)
        observations[segment, P + written] = self.actions[:, :, 0]
        is_open = last == self.buffer_size - 1
        return Experience(observations, own, **columns, last_values=np.where(is_open, bootstrap[env], 0))


def draw_steps(experience: Experience, batch_size: int | None) -> list[npt.NDArray[np.int64]]:
    """Return all sequences in random order, in groups of about ``batch_size`` actions (None: one group)."""
    sizes = experience.own.sum(axis=1)
    return even_groups(torch.randperm(len(sizes)).numpy(), sizes, batch_size)


def even_groups(
    order: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], batch_size: int | None
) -> list[npt.NDArray[np.int64]]:
    """Cut ``order`` into groups of nearly equal total size, as many as come nearest to ``batch_size`` each."""
    total = int(sizes.sum())
    count = 1 if batch_size is None else min(len(order), max(1, round(total / batch_size)))
    before = np.cumsum(sizes[order]) - sizes[order]
    group = np.minimum(before * count // total, count - 1)
    return [order[group == g] for g in range(count) if (group == g).any()]
