"""The repetition penalty: tokens that stand in the prompt or were written become less likely (Keskar et al., 2019).

It makes a distribution depend on more than a hidden state: on which tokens stand before. They are looked up where the
logits are made, so that what there is of size V grows with the logits and not with a rollout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from textgym.arguments import real_number
from textgym.errors import ConfigError

LOGITS_PER_ID = 4  # an id that is looked up takes the memory of so many logits


@dataclass(frozen=True)
class Seen:
    """What stands before each of N tokens.

    Attributes:
        lengths: int64 [N], how many tokens of the response, in a dialogue of the present turn.
        ids: int64 [E, L], whole texts; an id outside [0, V) is none.
        rows: int64 [N], the text of each token.
        ends: int64 [N], how many columns of it stand before.
    """

    lengths: Tensor
    ids: Tensor
    rows: Tensor
    ends: Tensor

    def __getitem__(self, part: slice) -> Seen:
        return Seen(self.lengths[part], self.ids, self.rows[part], self.ends[part])

    def table(self, vocab_size: int) -> Tensor:
        """Return which of V tokens stand before, bool [N, V]."""
        ids = self.ids[self.rows]
        columns = torch.arange(ids.shape[1], device=ids.device)
        outside = (columns >= self.ends[:, None]) | (ids < 0) | (ids >= vocab_size)
        table = torch.zeros(len(ids), vocab_size + 1, dtype=torch.bool, device=ids.device)
        return table.scatter_(1, ids.masked_fill_(outside, vocab_size), True)[:, :vocab_size]


Before = Tensor | Seen  # lengths alone, int64 [N], where nothing depends on which tokens stand before


def lengths_of(before: Before) -> Tensor:
    """Return how many tokens were written before each of N, int64 [N]."""
    return before.lengths if isinstance(before, Seen) else before


def width_of(before: Before, vocab_size: int) -> int:
    """Return how many logits take the memory that is needed on the way to the distribution of one token."""
    return max(vocab_size, LOGITS_PER_ID * before.ids.shape[1]) if isinstance(before, Seen) else vocab_size


def penalised(logits: Tensor, before: Before, penalty: float) -> Tensor:
    """Return logits [N, V], those of tokens that stand before divided by a penalty, or multiplied if negative."""
    assert isinstance(before, Seen), "with a repetition penalty, lengths alone do not make the distribution"
    return torch.where(
        before.table(logits.shape[1]), torch.where(logits < 0, logits * penalty, logits / penalty), logits
    )


def checked_penalty(value: float) -> float:
    """Return a repetition penalty.

    Raises:
        ConfigError: It is not positive, or not finite.
    """
    if not 0 < real_number("repetition_penalty", value) < math.inf:
        raise ConfigError(
            f"repetition_penalty divides logits, 1 for none, and must be positive and finite, got {value}."
        )
    return value
