"""Advantage actor-critic on whole responses."""

from __future__ import annotations

from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.type_aliases import Schedule

from agents.algorithms.base import TextOnPolicy, as_vec_env, check_environment, checked_slots, stored_arguments
from agents.learning.buffer import SequenceRolloutBuffer
from agents.learning.memory import BoundsMemory, checked_part_size
from agents.policy import TransformerPolicy
from textgym.errors import ConfigError


class A2C(BoundsMemory, TextOnPolicy, stable_baselines3.A2C):
    """Stable-Baselines3's A2C (Mnih et al., 2016) with whole responses as rollouts.

    The update is Stable-Baselines3's own ``train()``: one step on all actions of a rollout. Defaults that differ from
    its defaults, because text differs:

    ===================  ==========  =========================================================
    argument             default     why
    ===================  ==========  =========================================================
    learning_rate        3e-5        the model is mostly pretrained or warm-started
    rollout_responses    one a lane  in place of ``n_steps``: a rollout holds whole responses
    gamma                1.0         the reward comes at the end
    use_rms_prop         False       transformers learn with Adam
    normalize_advantage  True        the scale of a metric should not set the learning rate
    ===================  ==========  =========================================================

    See :class:`agents.PPO` for the arguments.
    """

    def __init__(
        self,
        policy: type[TransformerPolicy] = TransformerPolicy,
        env: Any = None,
        *,
        learning_rate: float | Schedule = 3e-5,
        rollout_responses: int | None = None,
        slots: int | None = None,
        part_size: int | None = None,
        gamma: float = 1.0,
        gae_lambda: float = 1.0,
        ent_coef: float = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        rms_prop_eps: float = 1e-5,
        use_rms_prop: bool = False,
        normalize_advantage: bool = True,
        kl_coef: float | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        self.arguments = stored_arguments(locals())
        env = as_vec_env(env)
        self.kl_coef = kl_coef
        self.slots = checked_slots(slots)
        self.part_size = checked_part_size(part_size)
        self.rollout_responses, steps = check_environment(env, gamma, None, rollout_responses)
        if env is not None and normalize_advantage and self.rollout_responses < 2:
            raise ConfigError(
                "normalize_advantage needs two actions, and one response may have a single one: pass "
                "rollout_responses=2 or more, or normalize_advantage=False."
            )
        super().__init__(
            policy,
            env,
            learning_rate=learning_rate,
            n_steps=steps,
            gamma=gamma,
            gae_lambda=gae_lambda,
            ent_coef=ent_coef,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            rms_prop_eps=rms_prop_eps,
            use_rms_prop=use_rms_prop,
            rollout_buffer_class=SequenceRolloutBuffer,
            normalize_advantage=normalize_advantage,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=None if policy_kwargs is None else dict(policy_kwargs),  # A2C adds its optimizer to it
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=_init_setup_model,
        )
