"""REINFORCE with the other responses to a prompt as the baseline."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor

from agents.algorithms.base import stored_arguments
from agents.algorithms.grouped import GroupedOnPolicy, Loss
from agents.learning.returns import Float32Array, leave_one_out_advantages
from agents.learning.token_batch import TokenBatch
from agents.policy import TransformerPolicy
from textgym.errors import ConfigError


def rloo_loss(batch: TokenBatch, log_probs: Tensor, clip_range: float) -> Loss:
    """Return the clipped policy-gradient loss of whole responses (Ahmadian et al., 2024, sec. 3).

    The ratio is that of a response, exp of the sum of its tokens' log-ratios; the mean is over responses.

    Args:
        batch: A part of a step.
        log_probs: float32 [N], of its tokens now.
        clip_range: Of the ratio.
    """
    ratio = batch.of_responses(log_probs - batch.old_log_probs).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    gains = torch.minimum(ratio * batch.advantages, clipped * batch.advantages)
    bound = clipped * batch.advantages < ratio * batch.advantages
    return Loss(-gains.sum() / batch.step_responses, bound.sum(), len(ratio))


class RLOO(GroupedOnPolicy):
    """REINFORCE leave-one-out (Kool et al., 2019; Ahmadian et al., 2024).

    The advantage of a response is its return less the mean return of the other responses to its prompt, an unbiased
    baseline that needs no critic. With ``kl_coef`` the return of a response is reduced by that much times the sum of
    log(pi/pi_ref) over its tokens. Given equal responses and rewards, advantages, loss and gradient are those of TRL's
    ``RLOOTrainer``.

    Args:
        policy: As for :class:`~agents.algorithms.grouped.GroupedOnPolicy`, like all that is not listed here.
        env: As there.
        clip_range: Of the ratio of whole responses; it matters from the second step on a rollout on.
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
        if not clip_range > 0:
            raise ConfigError(f"clip_range must be positive, got {clip_range}.")
        self.clip_range = clip_range
        common = {name: value for name, value in arguments.items() if name not in ("clip_range", "rollout_responses")}
        super().__init__(policy, env, arguments, **common, device=device, _init_setup_model=_init_setup_model)

    def advantages(self, returns: Float32Array) -> Float32Array:
        """Return each return less the mean of the others of its group."""
        return leave_one_out_advantages(returns, self.responses_per_prompt)

    def loss(self, batch: TokenBatch, log_probs: Tensor) -> Loss:
        """Return :func:`rloo_loss`."""
        return rloo_loss(batch, log_probs, self.clip_range)
