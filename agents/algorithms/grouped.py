"""What algorithms without a critic share: several responses to each prompt, compared with each other."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import defaultdict
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch import Tensor

from agents.algorithms.base import TextOnPolicy, as_vec_env, check_environment, checked_slots, lanes_of
from agents.learning.buffer import Experience, SequenceRolloutBuffer
from agents.learning.memory import checked_part_size, half_of, out_of_memory
from agents.learning.returns import Float32Array
from agents.learning.token_batch import Judged, TokenBatch
from agents.models.parts import Rows, parts_of
from agents.policy import TransformerPolicy
from agents.vec_env import transparent
from textgym.arguments import real_number, whole_number
from textgym.errors import ConfigError, ModelError

ROLLOUT = "rollout_responses"


class Loss(NamedTuple):
    """A part of the loss of one step of the optimizer.

    Attributes:
        loss: A scalar to differentiate.
        clipped: How many ratios were clipped, a scalar.
        ratios: How many ratios there were.
    """

    loss: Tensor
    clipped: Tensor
    ratios: int


class GroupedOnPolicy(TextOnPolicy, OnPolicyAlgorithm):
    """Learns from G responses to each prompt; the value head is not used.

    A subclass gives :meth:`advantages` and :meth:`loss`. The arguments that all have in common:

    Args:
        policy: :class:`agents.TransformerPolicy`.
        env: An environment of ``agents.make_vec_env``, a native vector environment, or an id; without wrappers.
        arguments: What a checkpoint must hold.
        learning_rate: Of the optimizer; a number, or a function of the remaining progress.
        responses_per_prompt: G, at least 2.
        rollout_responses: Responses per rollout, a multiple of G times the number of lanes; None is that.
        slots: How many responses are written at once, see :class:`agents.PPO`.
        batch_size: Tokens per step of the optimizer, about; None makes one step of a rollout.
        part_size: The most tokens of responses, all taken as long as the longest, that pass through the network at
            once; their prompts, and in dialogues what users say, come on top. The gradients of the parts of a step
            are summed, so it only bounds the memory. None passes a step at once.
        n_epochs: Passes over each rollout.
        ent_coef: Weight of the entropy bonus, per token.
        max_grad_norm: Gradients are clipped to this norm.
        kl_coef: Weight of the distance to the policy as it is when the algorithm is made; 0 only measures it, None:
            there is no reference.
        policy_kwargs: For the policy: ``model``, ``temperature``, ``optimizer_class``.
        others: ``stats_window_size``, ``tensorboard_log``, ``verbose``, ``seed``, ``device``, as of
            :class:`agents.PPO`.
    """

    has_critic = False

    def __init__(
        self,
        policy: type[TransformerPolicy],
        env: Any,
        arguments: dict[str, Any],
        *,
        learning_rate: Any,
        responses_per_prompt: int,
        slots: int | None,
        batch_size: int | None,
        part_size: int | None,
        n_epochs: int,
        ent_coef: float,
        max_grad_norm: float,
        kl_coef: float | None,
        **others: Any,
    ) -> None:
        self.arguments = arguments
        self.responses_per_prompt = whole_number("responses_per_prompt", responses_per_prompt)
        self.slots = checked_slots(slots)
        self.kl_coef, self.n_epochs, self.batch_size = kl_coef, n_epochs, batch_size
        self.part_size = checked_part_size(part_size)
        if self.responses_per_prompt < 2:
            raise ConfigError(f"responses_per_prompt must be at least 2 to compare, got {responses_per_prompt}.")
        for name, value in (("n_epochs", n_epochs), ("batch_size", batch_size)):
            if value is not None and whole_number(name, value) < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}.")
        if kl_coef is not None and not 0 <= real_number("kl_coef", kl_coef) < math.inf:
            raise ConfigError(f"kl_coef weighs a distance, 0 to measure it only, or None, got {kl_coef}.")
        if not math.isfinite(real_number("ent_coef", ent_coef)):
            raise ConfigError(f"ent_coef must be finite, got {ent_coef}.")
        if not real_number("max_grad_norm", max_grad_norm) > 0:
            raise ConfigError(f"max_grad_norm must be positive, float('inf') for no limit, got {max_grad_norm}.")
        env = as_vec_env(env)
        self.rollout_responses, steps = self._sizes(env)
        super().__init__(
            policy,
            env,
            learning_rate=learning_rate,
            n_steps=steps,
            gamma=1.0,
            gae_lambda=1.0,
            ent_coef=ent_coef,
            vf_coef=0.0,
            max_grad_norm=max_grad_norm,
            use_sde=False,
            sde_sample_freq=-1,
            rollout_buffer_class=SequenceRolloutBuffer,
            **others,
        )

    def _sizes(self, env: Any) -> tuple[int, int]:
        """Return the responses of a rollout in an environment, and at most its steps per lane."""
        group, rollout_responses = self.responses_per_prompt * lanes_of(env), self.arguments[ROLLOUT]
        responses = group if rollout_responses is None else whole_number(ROLLOUT, rollout_responses)
        if responses < 1 or responses % group:
            raise ConfigError(
                f"rollout_responses must be a multiple of responses_per_prompt={self.responses_per_prompt} times the "
                f"number of lanes, {group}, got {responses}."
            )
        if env is not None and transparent(env) is None:
            raise ConfigError(
                f"{type(self).__name__} needs {self.responses_per_prompt} responses to each prompt, which wrappers "
                f"cannot ask for: pass agents.make_vec_env(...) itself, got {env}."
            )
        return check_environment(env, 1.0, self.batch_size, responses)

    @abstractmethod
    def advantages(self, returns: Float32Array) -> Float32Array:
        """Return the advantage of each response, float32 [N], from the sums of their rewards."""

    @abstractmethod
    def loss(self, batch: TokenBatch, log_probs: Tensor) -> Loss:
        """Return the loss of a part of a step, from the log-probabilities of its tokens now, [N]."""

    def passes(self, steps: list[Rows], experience: Experience) -> list[Rows]:
        """Return the parts of the steps."""
        sizes = experience.own.sum(axis=1)
        return [part for step in steps for part in parts_of(step, sizes, self.part_size)]

    def judged(self, experience: Experience) -> Judged:
        """Return a rollout with its advantages."""
        returns = experience.rewards.sum(axis=1, dtype=np.float32)
        return Judged(experience, self.advantages(returns), np.zeros_like(experience.log_probs))

    def train(self) -> None:
        """Learn from the rollout in the buffer."""
        self._update_learning_rate(self.policy.optimizer)
        buffer = cast(SequenceRolloutBuffer, self.rollout_buffer)
        assert buffer.experience is not None, "the buffer is empty: collect a rollout first"
        judged = self.judged(buffer.experience)
        logs: dict[str, list[float]] = defaultdict(list)
        for _ in range(self.n_epochs):
            for rows in buffer.steps(self.batch_size):
                self._step(judged, rows, logs)
        self._n_updates += self.n_epochs
        for name, values in logs.items():
            self.logger.record(f"train/{name}", float(np.mean(values)))
        self.logger.record("train/advantage_zero", float((judged.advantages == 0).mean()))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")

    def _step(self, judged: Judged, rows: Rows, logs: dict[str, list[float]]) -> None:
        """Make one step of the optimizer; where memory runs out, once more, in parts of half the size."""
        parts = judged.parts(rows, self.part_size, self.device)
        told = self._gradients(parts)
        if told is None:
            self._halve_parts(parts)
            told = self._gradients(judged.parts(rows, self.part_size, self.device), last_chance=True)
        assert told is not None, "the last chance raises"
        policy = cast(TransformerPolicy, self.policy)
        norm = policy.learning_pass.step(policy.optimizer, self.max_grad_norm)
        if not math.isfinite(norm):
            raise ModelError(
                f"The gradient of a step of {type(self).__name__} is not finite: the policy has moved so far from the "
                "one that wrote the responses that a ratio of probabilities, with RLOO of whole responses, overflows. "
                "The weights are as they were before the step; take a smaller learning_rate, fewer n_epochs, or "
                "shorter responses."
            )
        for name, value in (told | {"grad_norm": norm}).items():
            logs[name].append(value)

    def _gradients(self, parts: list[TokenBatch], last_chance: bool = False) -> dict[str, float] | None:
        """Compute the gradient of a step; return what there is to log, None where memory ran out."""
        try:
            return self._summed(parts)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if last_chance or not out_of_memory(error):
                raise
        return None  # here nothing refers to the error any more, and to the tensors of its frames

    def _summed(self, parts: list[TokenBatch]) -> dict[str, float]:
        self.policy.optimizer.zero_grad()
        totals = torch.zeros(4, device=self.device)  # loss, clipped, k3 estimate of the KL divergence, entropy
        ratios = 0
        for batch in parts:
            _, log_probs, entropies = cast(TransformerPolicy, self.policy).evaluate_actions(
                batch.sequences, batch.actions
            )
            part = self.loss(batch, log_probs)
            bonus = entropies.sum() / batch.step_tokens
            (part.loss - self.ent_coef * bonus).backward()
            with torch.no_grad():
                log_ratio = log_probs - batch.old_log_probs
                drift = ((log_ratio.exp() - 1) - log_ratio).sum() / batch.step_tokens
                totals += torch.stack([part.loss.detach(), part.clipped.float(), drift, bonus.detach()])
            ratios += part.ratios
        loss, clipped, drift_total, entropy = totals.tolist()
        told = {"policy_gradient_loss": loss, "clip_fraction": clipped / max(1, ratios), "approx_kl": drift_total}
        return told | {"entropy_loss": -entropy}

    def _halve_parts(self, parts: list[TokenBatch]) -> None:
        self.policy.optimizer.zero_grad()
        self.part_size = half_of(self.part_size, np.concatenate([part.lengths.cpu() for part in parts]), self.logger)
        self.arguments["part_size"] = self.part_size
