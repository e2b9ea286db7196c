"""Batched generation with a key-value cache; log-probabilities and values come from the same passes."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agents.models.branch import Branch
from agents.models.cache_memory import reserve_rows, without_gradients
from agents.models.network import TextNetwork
from agents.models.precision import weights_cast_once
from agents.models.random_numbers import in_groups, new_key, uniform_numbers
from agents.models.record import Record, Rollout
from agents.models.refill import can_end, write_in_slots
from agents.models.slots import places
from textgym.core import IntArray

__all__ = ["Rollout", "generate"]


def generate(
    network: TextNetwork,
    prompts: Tensor,
    *,
    responses_per_prompt: int = 1,
    deterministic: bool = False,
    last_values: bool = False,
    slots: int | None = None,
    branch: Branch | None = None,
    numbers: Tensor | None = None,
    key: int | None = None,
) -> Rollout:
    """Write a response to each prompt until the eos, a stop string or T tokens.

    Each prompt is read once, whatever the number G of its responses. What a response says depends on its number and on
    the key, but for rounding neither on ``slots`` nor on the other rows nor, as far as it goes, on T.

    Args:
        network: The policy's network.
        prompts: int [B, P], padded on the left with -1.
        responses_per_prompt: G; response ``b * G + g`` answers prompt ``b``.
        deterministic: Take the likeliest token instead of sampling.
        last_values: Also compute the value after responses that were cut at T tokens.
        slots: How many responses are written at once; one that ends gives its place to the next prompt. None writes
            all at once, and those that end leave the batch; so does a model whose slots cannot be refilled, which
            is told once.
        branch: The reference policy, where it reads what the policy's own lower layers made; its log-probabilities of
            what is written come from the same passes then.
        numbers: int64 [B], the number of each prompt among those of the whole rollout, of which this may be a share;
            response g to it has the number ``numbers[b] * G + g``. None counts from 0.
        key: Of the rollout's random numbers, below 2 ** 64; None draws it from torch's generator.

    Raises:
        ModelError: The network's numbers are not finite.
    """
    prompts = prompts.long()
    count, T = len(prompts) * responses_per_prompt, network.space.max_new_tokens
    uniforms = None
    if not deterministic:
        numbers = torch.arange(len(prompts), device=prompts.device) if numbers is None else numbers
        uniforms = uniform_numbers(new_key() if key is None else key, in_groups(numbers, responses_per_prompt), T)
    record = Record(
        count,
        T,
        prompts.device,
        uniforms=uniforms,
        last_values=last_values,
        reference=branch is not None,
        prompts=prompts.repeat_interleave(responses_per_prompt, dim=0) if network.looks_back else None,
    )
    beside = nullcontext() if branch is None else branch.beside()
    with without_gradients(), weights_cast_once(prompts.device), beside:
        _write(network, prompts, responses_per_prompt, slots, record)
    return record.rollout()


def _write(network: TextNetwork, prompts: Tensor, group: int, slots: int | None, record: Record) -> None:
    if slots is None or slots >= len(prompts) * group:
        _write_together(network, prompts, group, record)
    elif not write_in_slots(network, prompts, group, slots, record):
        _tell_once(network)
        _write_together(network, prompts, group, record)


def _write_together(network: TextNetwork, prompts: Tensor, group: int, record: Record) -> None:
    """Write all responses in one batch, which those that end leave."""
    T = network.space.max_new_tokens
    staged, hidden = network.start(prompts)
    order = np.arange(len(prompts) * group)
    decoding = reserve_rows(network, staged, order // group)
    del staged  # a copy of what is reserved
    rows = torch.as_tensor(order, device=prompts.device)
    hidden = hidden[rows // group]
    active = _Active(rows, torch.ones_like(rows).bool(), torch.zeros_like(rows))
    every = network.engine.looks_every(prompts.device)
    for k in range(T):
        numbers = torch.where(active.alive, active.rows, record.nobody)
        tokens = record.write(network, hidden, numbers, torch.full_like(numbers, k))
        ended, active.matched = network.ends(tokens, active.matched)
        active.alive = active.alive & ~ended
        if k + 1 == T and not record.wants_last_values:
            return
        if can_end(network.space) and k % every == every - 1:
            kept = places(active.alive.cpu().numpy())
            if kept is not None:
                if not len(kept):
                    return
                decoding.select(kept)
                tokens = tokens[active.keep(kept)]
        hidden = network.advance(decoding, tokens)
    record.close(network, hidden, active.rows, active.alive)


def _tell_once(network: TextNetwork) -> None:
    if not network.told_of_slots:
        network.told_of_slots = True
        warnings.warn(
            f"{type(network.model).__name__} keeps not all keys and values of what it reads, or masks it by itself, so "
            "that a slot cannot be refilled: all responses are written at once, and those that end leave the batch.",
            stacklevel=3,
        )


@dataclass
class _Active:
    """Which responses the batch still writes.

    Attributes:
        rows: Their row numbers, int64 [n].
        alive: Which of them have not ended yet, bool [n].
        matched: How far each matches a stop string, int64 [n].
    """

    rows: Tensor
    alive: Tensor
    matched: Tensor

    def keep(self, kept: IntArray) -> Tensor:
        """Keep the given rows, int64 [R]; return them as a tensor."""
        places = torch.as_tensor(kept, device=self.rows.device)
        self.rows, self.alive, self.matched = self.rows[places], self.alive[places], self.matched[places]
        return places
