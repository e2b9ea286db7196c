"""The turns of a dialogue, in columns of tokens."""

from __future__ import annotations

import torch
from torch import Tensor


def turn_lengths(responses: Tensor, turn_id: int | None) -> Tensor:
    """Return how many tokens of the present turn stand before each of K columns and after the last, [B, K + 1].

    What ``TokenSpace.turn_lengths`` gives for the observations up to there; without turns, 0 to K.

    Args:
        responses: int64 [B, K].
        turn_id: The token after which a turn begins; None where there are no turns.
    """
    columns = torch.arange(responses.shape[1] + 1, device=responses.device)
    if turn_id is None:
        return columns.expand(len(responses), -1)
    starts = torch.zeros(len(responses), len(columns), dtype=torch.long, device=responses.device)
    starts[:, 1:] = torch.where(responses == turn_id, columns[1:], 0)
    return columns - starts.cummax(dim=1).values
