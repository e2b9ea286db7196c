"""Policy optimisation relative to a group of responses."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
import torch
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor

from agents.algorithms.base import stored_arguments
from agents.algorithms.grouped import GroupedOnPolicy, Loss
from agents.learning.buffer import Experience
from agents.learning.returns import Float32Array, group_advantages
from agents.learning.token_batch import Judged, TokenBatch
from agents.policy import TransformerPolicy
from textgym import TokenSpace
from textgym.arguments import choice
from textgym.errors import ConfigError

Mean = Literal["tokens", "responses", "limit"]
MEANS = ("tokens", "responses", "limit")


def grpo_loss(
    batch: TokenBatch,
    log_probs: Tensor,
    *,
    clip_range: float,
    clip_range_high: float,
    kl_coef: float,
    mean: Mean,
    max_new_tokens: int,
) -> Loss:
    """Return the clipped loss per token, with the distance to the reference (Shao et al., 2024, eq. 3 and 4).

    Args:
        batch: A part of a step.
        log_probs: float32 [N], of its tokens now.
        clip_range: A ratio is clipped below ``1 - clip_range``.
        clip_range_high: And above ``1 + clip_range_high``.
        kl_coef: Weight of the KL divergence from the reference, by Schulman's estimator exp(-d) + d - 1 with
            d = log(pi/pi_ref), times the ratio, with which its gradient is that of the divergence (DeepSeek-AI, 2025).
        mean: Over all tokens of the step; or over the tokens of each response, then over responses (as in the paper);
            or the sum over tokens divided by responses times T, the limit (Liu et al., 2025), so that a token counts
            alike whatever the length of its response.
        max_new_tokens: T; in dialogues a constant as well, though users' tokens, which have no loss, count in it.
    """
    advantages = batch.advantages[batch.row]
    ratio = (log_probs - batch.old_log_probs).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range_high)
    losses = -torch.minimum(ratio * advantages, clipped * advantages)
    if kl_coef:
        difference = batch.reference_log_probs - log_probs
        losses = losses + kl_coef * ratio * (difference.exp() - difference - 1)
    bound = clipped * advantages < ratio * advantages
    return Loss(_mean(batch, losses, mean, max_new_tokens), bound.sum(), len(ratio))


def _mean(batch: TokenBatch, losses: Tensor, mean: Mean, max_new_tokens: int) -> Tensor:
    if mean == "tokens":
        return losses.sum() / batch.step_tokens
    if mean == "responses":
        return (losses / batch.lengths[batch.row]).sum() / batch.step_responses
    return losses.sum() / (batch.step_responses * max_new_tokens)


class GRPO(GroupedOnPolicy):
    """Group relative policy optimisation (Shao et al., 2024).

    The advantage of all tokens of a response is its return, less the mean and divided by the standard deviation of the
    returns of its group. Given equal responses and rewards, advantages, loss and gradient are those of TRL's
    ``GRPOTrainer`` with ``loss_type`` "dapo" (``mean="tokens"``), "grpo" ("responses") or "dr_grpo" ("limit").

    Args:
        policy: As for :class:`~agents.algorithms.grouped.GroupedOnPolicy`, like all that is not listed here.
        env: As there.
        clip_range: Of the ratio of tokens, below 1 and above; it matters from the second step on a rollout on.
        clip_range_high: Above, where it differs (Yu et al., 2025).
        scale_rewards: Whether advantages are divided by the standard deviation of their group.
        mean: How the losses of tokens are averaged, see :func:`grpo_loss`.
    """

    def __init__(
        self,
        policy: type[TransformerPolicy] = TransformerPolicy,
        env: Any = None,
        *,
        learning_rate: float | Schedule = 3e-5,
        responses_per_prompt: int = 4,
        rollout_responses: int | None = None,
        slots: int | None = None,
        batch_size: int | None = None,
        part_size: int | None = None,
        n_epochs: int = 1,
        clip_range: float = 0.2,
        clip_range_high: float | None = None,
        scale_rewards: bool = True,
        mean: Mean = "tokens",
        ent_coef: float = 0.0,
        max_grad_norm: float = 1.0,
        kl_coef: float | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        arguments = stored_arguments(locals())
        self.clip_range = clip_range
        self.clip_range_high = clip_range if clip_range_high is None else clip_range_high
        if not (clip_range > 0 and self.clip_range_high > 0):
            raise ConfigError(f"clip_range and clip_range_high must be positive, got {clip_range}, {clip_range_high}.")
        self.scale_rewards = scale_rewards
        choice("mean", mean, MEANS)
        self.mean: Mean = mean
        own = ("rollout_responses", "clip_range", "clip_range_high", "scale_rewards", "mean")
        common = {name: value for name, value in arguments.items() if name not in own}
        super().__init__(policy, env, arguments, **common, device=device, _init_setup_model=_init_setup_model)

    _log_ratio: Float32Array | None = None  # of the rollout in the buffer, where the loss needs it

    def advantages(self, returns: Float32Array) -> Float32Array:
        """Return how much better each response is than its group."""
        return group_advantages(returns, self.responses_per_prompt, self.scale_rewards)

    def _before_returns(self, experience: Experience) -> None:
        """Measure the distance to the reference; it is part of the loss, not of the rewards."""
        self._log_ratio = None
        if self.reference is None:
            return
        if not self.kl_coef:
            super()._before_returns(experience)
            return
        self._log_ratio = self.reference.log_ratio(experience)
        self._record_kl(self._log_ratio, experience)

    def judged(self, experience: Experience) -> Judged:
        """Return a rollout with its advantages, and what the reference thinks of it."""
        judged = super().judged(experience)
        if self._log_ratio is None:
            return judged
        reference = np.where(experience.own, experience.log_probs - self._log_ratio, np.float32(0))
        return Judged(experience, judged.advantages, reference)

    def loss(self, batch: TokenBatch, log_probs: Tensor) -> Loss:
        """Return :func:`grpo_loss`."""
        return grpo_loss(
            batch,
            log_probs,
            clip_range=self.clip_range,
            clip_range_high=self.clip_range_high,
            kl_coef=self.kl_coef or 0.0,
            mean=self.mean,
            max_new_tokens=cast(TokenSpace, self.observation_space).max_new_tokens,
        )
