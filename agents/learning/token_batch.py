"""The tokens of one step of the optimizer, which may pass through the network in parts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.learning.buffer import Experience
from agents.learning.returns import Float32Array
from agents.models.parts import Rows, parts_of
from agents.policy import Sequences


@dataclass(frozen=True)
class TokenBatch:
    """N own tokens of E whole responses, row by row; a part of those that one step of the optimizer learns from.

    A loss is a sum over the part, divided by a count of the whole step: so the gradients of the parts add up to that of
    the step, however it is cut.

    Attributes:
        sequences: The responses as the policy evaluates them.
        actions: int64 [N].
        row: int64 [N], the response of each token, in [0, E).
        old_log_probs: float32 [N], of the policy that wrote them.
        reference_log_probs: float32 [N], of the reference policy; zeros where there is none.
        advantages: float32 [E], of the responses.
        lengths: int64 [E], tokens of each response.
        step_responses: How many responses the whole step learns from.
        step_tokens: How many tokens.
    """

    sequences: Sequences
    actions: Tensor
    row: Tensor
    old_log_probs: Tensor
    reference_log_probs: Tensor
    advantages: Tensor
    lengths: Tensor
    step_responses: int
    step_tokens: int

    def of_responses(self, tokens: Tensor) -> Tensor:
        """Return the sum over the tokens of each response, [E], of values [N]."""
        return tokens.new_zeros(len(self.lengths)).index_add(0, self.row, tokens)


@dataclass(frozen=True)
class Judged:
    """A rollout with one advantage for each response.

    Attributes:
        experience: The responses.
        advantages: float32 [E].
        reference_log_probs: float32 [E, T], zeros where there is no reference.
    """

    experience: Experience
    advantages: Float32Array
    reference_log_probs: Float32Array

    def parts(self, step: Rows, part_tokens: int | None, device: torch.device) -> list[TokenBatch]:
        """Return the parts of a step.

        Args:
            step: Its responses.
            part_tokens: The most own tokens of a part, see :func:`parts_of`; None makes one part.
            device: Where the network computes.
        """
        sizes = self.experience.own.sum(axis=1)
        return [self._part(part, step, sizes, device) for part in parts_of(step, sizes, part_tokens)]

    def _part(self, part: Rows, step: Rows, sizes: Rows, device: torch.device) -> TokenBatch:
        def told(array: Float32Array) -> Tensor:
            return torch.as_tensor(array, device=device)

        own = self.experience.own[part]
        sequences, actions = self.experience.sequences(part, device)
        lengths = torch.as_tensor(sizes[part], device=device)
        return TokenBatch(
            sequences,
            actions,
            torch.arange(len(part), device=device).repeat_interleave(lengths),
            told(self.experience.log_probs[part][own]),
            told(self.reference_log_probs[part][own]),
            told(self.advantages[part]),
            lengths,
            len(step),
            int(sizes[step].sum()),
        )
