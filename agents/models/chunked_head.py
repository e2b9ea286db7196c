"""The output head in chunks: arrays of all logits of an update never exist, only those of some hundred tokens.

At a vocabulary of 50,000 the logits of 4,096 tokens take 819 MB, and an update needs several arrays of that size. In
chunks, memory grows with the chunk alone; the price is that the backward pass computes the logits again, a third of the
head's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from agents.models.distribution import chosen_and_entropy, entropy, logit_gradient
from agents.models.repetition import Before

LOGITS = 2**25  # in a chunk; 128 MB of float32
PIECE, PIECE_ROWS = 2**22, 512  # logits in a piece that is not computed again, and at least so many rows
Head = Callable[[Tensor, Before, Tensor], Tensor]  # hidden states [n, D], what is before, actions [n]: logits [n, V]


def chunk_rows(tokens: int, vocab_size: int) -> int | None:
    """Return how many tokens make a chunk; None where all together make one."""
    rows = max(1, LOGITS // vocab_size)
    return None if tokens <= rows else rows


def chunked_chosen_and_entropy(
    head: Head, parameters: Sequence[Tensor], hidden: Tensor, before: Before, actions: Tensor, rows: int
) -> tuple[Tensor, Tensor]:
    """Return what :func:`~agents.models.distribution.chosen_and_entropy` does of the logits of a head.

    Args:
        head: Gives logits.
        parameters: What it computes with; they get gradients as ``hidden`` does.
        hidden: float [N, D].
        before: int64 [N], lengths, or which tokens stand before each of N.
        actions: int64 [N], allowed tokens.
        rows: Tokens in a chunk, at least 1.
    """
    chosen, entropies = _Chunked.apply(head, rows, hidden, before, actions, *parameters)  # type: ignore[no-untyped-call]
    return chosen, entropies


def chosen_and_entropy_of_head(
    head: Head, parameters: Sequence[Tensor], hidden: Tensor, before: Before, actions: Tensor, vocab_size: int
) -> tuple[Tensor, Tensor]:
    """Return what :func:`chunked_chosen_and_entropy` does, and keep the logits where they are few.

    These too are made in pieces: the arrays of one stay in a processor's cache, and the C allocator hands the same
    memory out again, where it would ask the system for larger ones; a quarter of the head's time.
    """
    chunk = chunk_rows(len(hidden), vocab_size)
    if chunk is not None:
        return chunked_chosen_and_entropy(head, parameters, hidden, before, actions, chunk)
    pieces = [
        chosen_and_entropy(head(hidden[part], before[part], actions[part]), actions[part])
        for part in _parts(len(hidden), _piece_rows(vocab_size))
    ]
    chosen, entropies = zip(*pieces, strict=True)
    return torch.cat(chosen), torch.cat(entropies)


@torch.no_grad()
def chosen_log_probs(head: Head, hidden: Tensor, before: Before, actions: Tensor, vocab_size: int) -> Tensor:
    """Return the log-probabilities of actions alone, float32 [N], of a head that does not learn."""
    pieces = []
    for part in _parts(len(hidden), _piece_rows(vocab_size)):
        log_probs = torch.log_softmax(head(hidden[part], before[part], actions[part]), dim=-1)
        pieces.append(log_probs.gather(-1, actions[part, None]).squeeze(-1))
    return torch.cat(pieces)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, head: Head, rows: int, hidden: Tensor, before: Before, actions: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.head, ctx.rows, ctx.before = head, rows, before
        ctx.save_for_backward(hidden, actions, *parameters)
        chosen, entropies = [], []
        for part in _parts(len(hidden), rows):
            log_probs = torch.log_softmax(head(hidden[part], before[part], actions[part]), dim=-1)
            chosen.append(log_probs.gather(-1, actions[part, None]).squeeze(-1))
            entropies.append(entropy(log_probs))
        return torch.cat(chosen), torch.cat(entropies)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_chosen: Tensor, to_entropy: Tensor) -> tuple[Tensor | None, ...]:
        hidden, actions, *parameters = ctx.saved_tensors
        before = ctx.before
        wanted = [k for k, need in enumerate((ctx.needs_input_grad[2], *ctx.needs_input_grad[5:])) if need]
        found = [torch.zeros_like((hidden, *parameters)[k]) for k in wanted]
        for part in _parts(len(hidden), ctx.rows):
            with torch.enable_grad():
                own = hidden[part].detach().requires_grad_()
                logits = ctx.head(own, before[part], actions[part])
            log_probs = torch.log_softmax(logits.detach(), dim=-1)
            gradient = logit_gradient(log_probs, entropy(log_probs), actions[part], to_chosen[part], to_entropy[part])
            inputs = [(own, *parameters)[k] for k in wanted]
            for total, k, new in zip(found, wanted, torch.autograd.grad(logits, inputs, gradient), strict=True):
                if k:
                    total += new
                else:
                    total[part] = new
        gradients: list[Tensor | None] = [None] * (1 + len(parameters))
        for k, total in zip(wanted, found, strict=True):
            gradients[k] = total
        return None, None, gradients[0], None, None, *gradients[1:]


def _parts(count: int, rows: int) -> Iterator[slice]:
    return (slice(start, min(start + rows, count)) for start in range(0, count, rows))


def _piece_rows(vocab_size: int) -> int:
    return max(PIECE_ROWS, PIECE // vocab_size)
