"""A learning pass that processes share: each computes some of the sequences, and has the numbers of all.

What is gathered is float32 [N] per number and token. The loss, and all that is decided by it, is computed from the
numbers of all sequences in every process, by the same code and to the same bits as in one process: means over tokens,
the normalisation of advantages, clipping, the KL divergence that ends an epoch early. The gradient of a process is that
of the loss through its own sequences alone; the sum over processes is that of the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import torch
import torch.distributed
from torch import Tensor, nn

from agents.models.network import TextNetwork
from agents.parallel.learning_pass import LearningPass, Work


class PassModule(nn.Module):
    """A network whose forward pass is whatever work there is, for wrappers that average gradients to stand around.

    Args:
        network: It.
    """

    def __init__(self, network: TextNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, work: Callable[[TextNetwork], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Return what ``work`` gives."""
        return work(self.network)


class SharedPass(LearningPass):
    """Passes this process's part of the sequences through the network, and gathers the numbers of all.

    Args:
        network: It.
        module: A :class:`PassModule` of it in a wrapper that averages the gradients of all processes.
        rank: Of this process.
        count: Of processes.
    """

    def __init__(self, network: TextNetwork, module: nn.Module, rank: int, count: int) -> None:
        super().__init__(network)
        self.module = module
        self.rank = rank
        self.count = count

    def __call__(self, sizes: Tensor, work: Work) -> tuple[Tensor, ...]:
        """Return what ``work`` gives for all sequences; see :meth:`LearningPass.__call__`."""
        lengths = sizes.tolist()
        bounds = even_bounds(lengths, self.count)
        counts = [sum(lengths[first:end]) for first, end in pairwise(bounds)]
        first, end = bounds[self.rank], bounds[self.rank + 1]
        before, own = sum(counts[: self.rank]), counts[self.rank]
        rows, tokens = slice(first, end), slice(before, before + own)
        if not own:  # the wrapper wants a pass of every process: one that gives and learns nothing
            shown = next(row for row, length in enumerate(lengths) if length)
            rows, tokens = slice(shown, shown + 1), slice(sum(lengths[:shown]), sum(lengths[: shown + 1]))
        numbers = torch.stack(self.module(lambda network: work(network, rows, tokens)), dim=-1)
        whole = cast(Tensor, Gathered.apply(numbers[:own], counts, self.rank))  # type: ignore[no-untyped-call]
        return whole.unbind(dim=-1)


class Gathered(torch.autograd.Function):
    """The rows of all processes; its gradient is what each process's own rows get, times the number of processes.

    The wrapper takes the mean over processes of their gradients, where the sum is wanted.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, counts: list[int], rank: int) -> Tensor:
        """Return rows [N, k] of all processes.

        Args:
            ctx: Of autograd.
            own: [n, k], those of this one.
            counts: n of each process.
            rank: Of this one.
        """
        ctx.counts, ctx.rank = counts, rank
        padded = own.new_zeros(max(counts), *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in counts]
        torch.distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the own rows."""
        first = sum(ctx.counts[: ctx.rank])
        own = gradients[0][first : first + ctx.counts[ctx.rank]]
        return own * len(ctx.counts), None, None


def even_bounds(lengths: list[int], count: int) -> list[int]:
    """Return where each of ``count`` parts of rows begins, and the end: parts of about as many tokens each.

    Args:
        lengths: Tokens of each row.
        count: Of parts; some are empty where there are too few rows.
    """
    total, done, bounds = sum(lengths), 0, [0]
    for row, length in enumerate(lengths):
        while len(bounds) < count and (done + length / 2) * count >= total * len(bounds):
            bounds.append(row)
        done += length
    return [*bounds, *[len(lengths)] * (count + 1 - len(bounds))]
