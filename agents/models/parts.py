"""Rows in parts of similar length, so that no more passes through a network at once than memory holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Rows = npt.NDArray[np.int64]


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


def in_parts(work: Callable[[Tensor, Tensor], tuple[Tensor, ...]], own: Tensor, most: int | None) -> tuple[Tensor, ...]:
    """Return what ``work`` gives for all own tokens of whole sequences, and keep the memory of one part only.

    A loss that needs the tokens of all rows at once, such as one of normalised advantages, cannot be summed over parts.
    Here each part is computed once more in the backward pass instead, which is a third more work.

    Args:
        work: Gives float32 [n] arrays of the own tokens, row by row, for rows int64 [b] and their tokens' numbers [n].
        own: bool [E, T].
        most: As for :func:`parts_of`; None passes all rows at once.
    """
    number = own.flatten().cumsum(0).view_as(own) - 1  # of each own token, row by row
    everyone = torch.arange(len(own), device=own.device)
    if most is None:
        return work(everyone, number[own])
    sizes = own.sum(dim=1).cpu().numpy()
    parts = [torch.as_tensor(part, device=own.device) for part in parts_of(np.arange(len(sizes)), sizes, most)]
    numbers = [number[part][own[part]] for part in parts]
    found = [
        checkpoint(work, part, tokens, use_reentrant=False) if torch.is_grad_enabled() else work(part, tokens)
        for part, tokens in zip(parts, numbers, strict=True)
    ]
    place = torch.cat(numbers).argsort()
    return tuple(torch.cat(columns)[place] for columns in zip(*found, strict=True))
