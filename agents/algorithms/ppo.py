"""Proximal policy optimisation of whole responses."""

from __future__ import annotations

from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.type_aliases import Schedule

from agents.algorithms.base import TextOnPolicy, as_vec_env, check_environment, checked_slots, stored_arguments
from agents.learning.buffer import SequenceRolloutBuffer
from agents.learning.memory import BoundsMemory, checked_part_size
from agents.policy import TransformerPolicy


class PPO(BoundsMemory, TextOnPolicy, stable_baselines3.PPO):
    """Stable-Baselines3's PPO (Schulman et al., 2017) with whole responses as rollouts and minibatches.

    The update is Stable-Baselines3's own ``train()``. Defaults that differ from its defaults, because text differs:

    ==================  ==========  ==========================================================================
    argument            default     why
    ==================  ==========  ==========================================================================
    learning_rate       3e-5        the model is mostly pretrained or warm-started
    rollout_responses   one a lane  in place of ``n_steps``: a rollout holds whole responses
    batch_size          512         counts tokens; a minibatch holds whole responses, about this many tokens
    n_epochs            4           ten epochs on one rollout move a language model far
    gamma               1.0         the reward comes at the end, and length is no fault by itself
    gae_lambda          1.0         with less, the zero of a new value head hides the reward from early tokens
    ==================  ==========  ==========================================================================

    Args:
        policy: :class:`agents.TransformerPolicy`.
        env: An environment of ``agents.make_vec_env``, a native vector environment, or an id.
        learning_rate: Of the optimizer; a number, or a function of the remaining progress.
        rollout_responses: Responses per rollout, a multiple of the number of lanes.
        slots: How many responses are written at once, which bounds the memory of a rollout; one that ends gives its
            place to the next prompt. None writes all of a rollout at once; so are dialogues, whatever it is.
        batch_size: Tokens per minibatch.
        part_size: The most tokens of responses, all taken as long as the longest, whose activations are kept at once.
            A minibatch that has more passes in parts, each computed once more in the backward pass: a third more work,
            and the same gradient. None passes a minibatch at once, until memory runs out.
        n_epochs: Passes over each rollout.
        gamma: The discount per token.
        gae_lambda: Of the advantage estimates.
        clip_range: Of the probability ratio.
        clip_range_vf: Of the value, None for none.
        normalize_advantage: Whether each minibatch's advantages are normalised.
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Gradients are clipped to this norm.
        target_kl: Ends the epochs of a rollout early.
        kl_coef: Subtracts this times log(pi/pi_ref) from the reward of each token, where pi_ref is the policy as it is
            when the algorithm is made. 0 only measures, on 32 sequences of each rollout. None: there is no reference.
        policy_kwargs: For the policy: ``model``, ``temperature``, ``optimizer_class``.
        stats_window_size: Episodes over which logged means are taken.
        tensorboard_log: Folder for TensorBoard.
        verbose: 0, 1 or 2.
        seed: Of the environment, the sampling and the order of minibatches.
        device: "auto" takes a GPU when there is one.
    """

    def __init__(
        self,
        policy: type[TransformerPolicy] = TransformerPolicy,
        env: Any = None,
        *,
        learning_rate: float | Schedule = 3e-5,
        rollout_responses: int | None = None,
        slots: int | None = None,
        batch_size: int = 512,
        part_size: int | None = None,
        n_epochs: int = 4,
        gamma: float = 1.0,
        gae_lambda: float = 1.0,
        clip_range: float | Schedule = 0.2,
        clip_range_vf: float | Schedule | None = None,
        normalize_advantage: bool = True,
        ent_coef: float = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        target_kl: float | None = None,
        kl_coef: float | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        self.arguments, env = stored_arguments(locals()), as_vec_env(env)
        self.kl_coef, self.slots, self.part_size = kl_coef, checked_slots(slots), checked_part_size(part_size)
        self.rollout_responses, steps = check_environment(env, gamma, batch_size, rollout_responses)
        super().__init__(
            policy,
            env,
            learning_rate=learning_rate,
            n_steps=steps,
            batch_size=steps * getattr(env, "num_envs", 2),  # the real one is set below: it counts tokens
            n_epochs=n_epochs,
            gamma=gamma,
            gae_lambda=gae_lambda,
            clip_range=clip_range,
            clip_range_vf=clip_range_vf,
            normalize_advantage=normalize_advantage,
            ent_coef=ent_coef,
            vf_coef=vf_coef,
            max_grad_norm=max_grad_norm,
            rollout_buffer_class=SequenceRolloutBuffer,
            target_kl=target_kl,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            policy_kwargs=policy_kwargs,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=False,
        )
        self.batch_size = batch_size
        if _init_setup_model:
            self._setup_model()
