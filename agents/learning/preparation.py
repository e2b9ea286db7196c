"""What happens to a rollout before it is learned from."""

from __future__ import annotations

from typing import cast

import numpy as np
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from agents.learning.buffer import Experience, SequenceRolloutBuffer, draw_steps
from agents.learning.reference import ReferencePolicy
from agents.learning.rescoring import rescore
from agents.learning.returns import Float32Array
from agents.models.branch import Branch
from agents.models.parts import Rows
from agents.policy import TransformerPolicy

MEASURED_SEQUENCES = 32  # enough to show how far a policy is from its reference


class Prepares(OnPolicyAlgorithm):
    """Mixes into on-policy algorithms."""

    kl_coef: float | None
    reference: ReferencePolicy | None = None

    def _branch(self) -> Branch | None:
        """Return the reference policy, if its log-probabilities of what is written can be used."""
        exact = cast(TransformerPolicy, self.policy).engine.precision == "float32"
        return self.reference.branch if self.reference is not None and self.kl_coef and exact else None

    def _before_learning(self, experience: Experience) -> None:
        """Let a rollout in half precision have the numbers of the learning pass, so that the first ratio is 1."""
        policy = cast(TransformerPolicy, self.policy)
        if policy.engine.precision != "float32":
            steps = draw_steps(experience, getattr(self, "batch_size", None))
            cast(SequenceRolloutBuffer, self.rollout_buffer).drawn = steps
            gap = rescore(policy, experience, self.passes(steps, experience))
            self.logger.record("rollout/precision_gap", gap)
        self._before_returns(experience)

    def passes(self, steps: list[Rows], experience: Experience) -> list[Rows]:
        """Return the responses that will pass through the network together in some steps."""
        return steps

    def _before_returns(self, experience: Experience) -> None:
        """Subtract ``kl_coef`` times the log-ratio to the reference policy from the reward of every token.

        With a coefficient of 0 the ratio is only measured, on some of the sequences.
        """
        if self.reference is None or self.kl_coef is None:
            return
        measured = experience if self.kl_coef else experience.first(MEASURED_SEQUENCES)
        log_ratio = self.reference.log_ratio(measured)
        if self.kl_coef:
            experience.rewards -= np.float32(self.kl_coef) * log_ratio
        self._record_kl(log_ratio, measured)

    def _record_kl(self, log_ratio: Float32Array, experience: Experience) -> None:
        self.logger.record("rollout/kl_per_response", float(log_ratio.sum(axis=1).mean()))
        self.logger.record("rollout/kl_per_token", float(log_ratio.sum() / max(1, experience.own.sum())))
