"""Whole sequences through a model: a prompt is read once for all responses to it, and rows of similar length together.

What the update and the reference policy need are the states before the policy's own tokens. A group of G responses
repeats its prompt G times; a model that reads it once and lets all of them attend to it has the same states and the
same gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from agents.models.architectures import Architecture

ROWS_PER_PASS = 16  # enough for matrix products of a CPU, few enough to be of similar length
WORTH = 0.05  # of all columns must be spared: attention with a mask and copies of keys and values cost as much


class Own(NamedTuple):
    """What passes: E whole sequences and which tokens are asked for.

    Attributes:
        prompts: int64 [E, P].
        responses: int64 [E, T].
        own: bool [E, T], at least one in every row.
    """

    prompts: Tensor
    responses: Tensor
    own: Tensor


def own_states(architecture: Architecture, given: Own, share: bool) -> Tensor:
    """Return the hidden states before the own tokens of whole sequences, row by row, [N, D].

    On a CPU the rows pass in groups of similar length, which saves up to half of the work on empty columns.

    Args:
        architecture: How hidden states are made.
        given: The sequences.
        share: Whether a prompt that several rows have may be read once for them.
    """
    number = given.own.flatten().cumsum(0).view_as(given.own) - 1  # of each own action, row by row
    groups, states = zip(*_passes(architecture, given, share), strict=True)
    place = torch.cat([number[group][given.own[group]] for group in groups]).argsort()
    return torch.cat(states)[place]


def _passes(architecture: Architecture, given: Own, share: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield groups of rows, int64 [b], and the states before their own tokens."""
    lengths = _last(given.own)
    unique, prompt_of = torch.unique(given.prompts, dim=0, return_inverse=True)
    if not (share and _is_worth_it(given.prompts, unique, lengths)):
        for group in _alike((given.prompts >= 0).sum(dim=1) + lengths):
            yield group, _states(architecture, given, group)
        return
    for some in _alike((unique >= 0).sum(dim=1)):
        read = architecture.read(unique[some])
        number = torch.full_like(unique[:, 0], -1)
        number[some] = torch.arange(len(some), device=some.device)
        rows = (number[prompt_of] >= 0).nonzero().squeeze(-1)
        for chosen in _alike(lengths[rows]):
            group = rows[chosen]
            own, columns = _cut(given.own[group])
            hidden = architecture.states_after(read, number[prompt_of[group]], given.responses[group, :columns])
            yield group, hidden[own]


def _is_worth_it(prompts: Tensor, unique: Tensor, lengths: Tensor) -> bool:
    columns = (prompts >= 0).sum()
    return bool(columns - (unique >= 0).sum() > WORTH * (columns + lengths.sum()))


def _alike(sizes: Tensor) -> list[Tensor]:
    """Cut rows of given sizes, int64 [E], into groups of similar ones; all together where a pass costs its launch."""
    rows = len(sizes) if sizes.device.type != "cpu" else ROWS_PER_PASS
    return list(sizes.argsort(stable=True).split(rows))


def _last(own: Tensor) -> Tensor:
    """Return how many columns there are up to the last own token of each row, int64 [E]."""
    return (own * torch.arange(1, own.shape[1] + 1, device=own.device)).amax(dim=1)


def _cut(own: Tensor) -> tuple[Tensor, int]:
    """Drop the columns after the last own token; return how many response tokens must be read before that one too."""
    columns = int(own.any(dim=0).nonzero().max())
    return own[:, : columns + 1], columns


def _states(architecture: Architecture, given: Own, group: Tensor) -> Tensor:
    own, columns = _cut(given.own[group])
    return architecture.states(given.prompts[group], given.responses[group, :columns])[own]
