"""The tokens of one step of the optimizer, which may pass through the network in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.learning.buffer import Experience, even_groups
from agents.learning.returns import Float32Array
from agents.policy import Sequences

Rows = npt.NDArray[np.int64]


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

    def steps(self, step_tokens: int | None) -> Iterator[Rows]:
        """Yield the responses, int64, of each step of the optimizer; all come once, in random order.

        Args:
            step_tokens: Tokens per step, about; None makes one step of all.
        """
        sizes = self.experience.own.sum(axis=1)
        yield from even_groups(torch.randperm(len(sizes)).numpy(), sizes, step_tokens)

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


def parts_of(rows: Rows, sizes: Rows, most: int | None) -> list[Rows]:
    """Cut rows into parts of similar length, whose number times the longest row's tokens is at most ``most``.

    Args:
        rows: Which responses.
        sizes: Tokens of every response, by row.
        most: At least 1; a response that is longer makes a part of its own. None keeps the rows together, as they are.
    """
    if most is None:
        return [rows]
    parts: list[list[int]] = [[]]
    for row in rows[np.argsort(-sizes[rows], kind="stable")].tolist():
        longest = int(sizes[parts[-1][0]]) if parts[-1] else 0
        if parts[-1] and longest * (len(parts[-1]) + 1) > most:
            parts.append([])
        parts[-1].append(row)
    return [np.array(part, dtype=np.int64) for part in parts]
