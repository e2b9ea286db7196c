"""Batched generation with a key-value cache; log-probabilities and values come from the same passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.models.network import TextNetwork, sample
from textgym.errors import ModelError
from textgym.spaces import EMPTY


@dataclass
class Rollout:
    """N responses and what the network thought while it wrote them.

    Attributes:
        responses: int64 [N, T], padded on the right with -1; the eos, or a token that completes a stop string, is the
            last token of a finished response.
        log_probs: float32 [N, T], of the distribution that was sampled from; zero where empty.
        values: float32 [N, T], before each token; zero where empty.
        last_values: float32 [N], after the last token; zero unless asked for.
    """

    responses: Tensor
    log_probs: Tensor
    values: Tensor
    last_values: Tensor

    @property
    def lengths(self) -> Tensor:
        """Tokens of each response, eos included, int64 [N]."""
        return (self.responses >= 0).sum(dim=1)


@torch.no_grad()
def generate(
    network: TextNetwork,
    prompts: Tensor,
    *,
    responses_per_prompt: int = 1,
    deterministic: bool = False,
    last_values: bool = False,
) -> Rollout:
    """Write a response to each prompt until the eos, a stop string or T tokens.

    The prompts are read once, the G responses of one prompt share that pass, and finished rows leave the batch.

    Args:
        network: The policy's network.
        prompts: int [B, P], padded on the left with -1.
        responses_per_prompt: G; response ``b * G + g`` answers prompt ``b``.
        deterministic: Take the likeliest token instead of sampling.
        last_values: Also compute the value after responses that were cut at T tokens.

    Raises:
        ModelError: The network's numbers are not finite.
    """
    space = network.space
    decoding, hidden = network.start(prompts.long())
    rows = torch.arange(len(prompts), device=prompts.device).repeat_interleave(responses_per_prompt)
    if responses_per_prompt > 1:
        decoding.select(rows)
        hidden = hidden[rows]
    decoding.reserve(space.max_new_tokens)
    record = _blank(len(rows), space.max_new_tokens, prompts.device)
    active = _Active(torch.arange(len(rows), device=rows.device), torch.ones_like(rows).bool(), torch.zeros_like(rows))
    for k in range(space.max_new_tokens):
        tokens = _write_token(network, hidden, record, active, k, deterministic)
        ended, active.matched = network.ends(tokens, active.matched)
        active.alive = active.alive & ~ended
        if k + 1 == space.max_new_tokens and not last_values:
            break
        kept = active.compact(k)
        if kept is not None:
            if not len(kept):
                break
            decoding.select(kept)
            tokens = tokens[kept]
        hidden = network.advance(decoding, tokens)
    else:
        record.last_values[active.rows] = torch.where(active.alive, network.values(hidden), 0.0)
    if not (record.log_probs.sum() + record.values.sum()).isfinite():
        raise ModelError(
            "The policy's log-probabilities or values are not finite: learning has diverged. Start again from a "
            "checkpoint before that, with a smaller learning rate."
        )
    return record


def _blank(n: int, T: int, device: torch.device) -> Rollout:
    zeros = torch.zeros(n, T, device=device)
    return Rollout(torch.full((n, T), EMPTY, device=device), zeros, zeros.clone(), torch.zeros(n, device=device))


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

    def compact(self, step: int) -> Tensor | None:
        """Drop ended rows once an eighth has ended; return the kept places in the batch, or None if all stay.

        The last rows take the places of those that ended, so that the others need not move.

        Asking costs a synchronisation, so that a device other than the CPU is asked every eighth step only.
        """
        if self.rows.device.type != "cpu" and step % 8 != 7:
            return None
        count = int(self.alive.sum())
        if count and count > len(self.alive) * 7 / 8:
            return None
        kept = torch.arange(count, device=self.rows.device)
        kept[~self.alive[:count]] = self.alive[count:].nonzero().squeeze(-1) + count
        self.rows, self.alive, self.matched = self.rows[kept], self.alive[kept], self.matched[kept]
        return kept


def _write_token(
    network: TextNetwork, hidden: Tensor, record: Rollout, active: _Active, k: int, deterministic: bool
) -> Tensor:
    """Choose token k of every active row and record it with its log-probability and value; return the tokens."""
    lengths = torch.full_like(active.rows, k)
    log_probs = network.log_distribution(hidden, lengths)
    tokens = log_probs.argmax(dim=-1) if deterministic else sample(log_probs)
    chosen = log_probs.gather(-1, tokens[:, None]).squeeze(-1)
    record.responses[active.rows, k] = torch.where(active.alive, tokens, EMPTY)
    record.log_probs[active.rows, k] = torch.where(active.alive, chosen, 0.0)
    record.values[active.rows, k] = torch.where(active.alive, network.values(hidden), 0.0)
    return tokens
