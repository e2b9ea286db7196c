"""Memory for what a rollout reads, taken once where the model's cache allows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from agents.models.architectures import DecodingState
from agents.models.network import TextNetwork
from agents.models.timeline import Room, Timeline, can_refill
from textgym.core import IntArray


@contextmanager
def without_gradients() -> Iterator[None]:
    """Within, tensors know nothing of gradients, which a step of a small model on a CPU feels.

    Where several processes share the weights, what gathers them may ask for more: there they only keep no gradients.
    """
    shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    with torch.no_grad() if shared else torch.inference_mode():
        yield


def make_timeline(
    network: TextNetwork, staged: DecodingState, prompt_columns: int, slots: int, slack: int | None
) -> Timeline | None:
    """Return an empty state for rows that begin at different times; None where the model's cache cannot.

    Args:
        network: Who will read.
        staged: Some of the prompts, read.
        prompt_columns: The most tokens of a prompt.
        slots: How many rows are written at once.
        slack: Columns to spare; None where all rows begin at once.
    """
    if not (network.refillable and can_refill(staged)):
        return None
    T = network.space.max_new_tokens
    if staged.encoded is None:
        return Timeline(staged, slots, Room(prompt_columns, 0, T, slack))
    return Timeline(staged, slots, Room(len(network.start_ids), prompt_columns, T, slack))


def reserve_rows(network: TextNetwork, staged: DecodingState, rows: IntArray) -> DecodingState | Timeline:
    """Return a state of decoding with memory for T more tokens of rows of prompts that were read.

    Args:
        network: Who will read.
        staged: The prompts; not to be used any more.
        rows: int64 [R], a row may be taken more than once.
    """
    timeline = make_timeline(network, staged, staged.mask.shape[1], len(rows), None)
    if timeline is not None:
        timeline.admit(np.arange(len(rows)), staged, rows)
        return timeline
    if len(rows) != len(staged.mask):
        staged.select(rows)
    staged.reserve(network.space.max_new_tokens)
    return staged
