"""What a model reads in one decoding step."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Column(NamedTuple):
    """One token of each row, into the next column of a cache.

    Attributes:
        tokens: int64 [B].
        positions: int64 [B], where they stand in their rows.
        mask: Of the cached columns, the new one included: int64 [B, columns], or float [B, 1, 1, columns] to be added
            to scores; None opens all.
        encoded: float [B, P, D], the encoder's output; None for a decoder-only model.
        encoded_mask: Of the encoder's columns, in either form.
        reach: One more than the last position that any row will have, where rows differ in positions; else 0.
    """

    tokens: Tensor
    positions: Tensor
    mask: Tensor | None
    encoded: Tensor | None = None
    encoded_mask: Tensor | None = None
    reach: int = 0
