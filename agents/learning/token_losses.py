"""Cross-entropies of the tokens of demonstrations."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.models.network import TextNetwork
from agents.models.parts import in_parts
from agents.parallel.learning_pass import LearningPass
from textgym.responses import Demonstrations


def token_losses(
    network: TextNetwork,
    batch: Demonstrations,
    device: torch.device,
    label_smoothing: float = 0.0,
    learning_pass: LearningPass | None = None,
) -> Tensor:
    """Return the cross-entropy of every response token that is allowed where it stands, nats, float32 [N].

    Smoothing s puts 1 - s on the token and s evenly on all allowed tokens (Szegedy et al., 2016, section 7). Where
    several processes learn together, ``learning_pass`` shares the work.
    """
    prompts = torch.as_tensor(batch.prompts, device=device).long()
    responses = torch.as_tensor(batch.responses, device=device).long()
    own = responses >= 0 if batch.own is None else torch.as_tensor(batch.own, device=device)

    def share(network: TextNetwork, some: slice, _: slice) -> tuple[Tensor, ...]:
        read, written, theirs = prompts[some], responses[some], own[some]

        def work(rows: Tensor, _: Tensor) -> tuple[Tensor]:
            return (_token_losses(network, read[rows], written[rows], theirs[rows], label_smoothing),)

        return in_parts(work, theirs, network.part_size)

    (losses,) = (learning_pass or LearningPass(network))(own.sum(dim=1), share)
    return losses[~losses.isinf()]


def _token_losses(
    network: TextNetwork, prompts: Tensor, responses: Tensor, own: Tensor, label_smoothing: float
) -> Tensor:
    """Return the cross-entropy of every own token, infinite where it is not allowed, float32 [N]."""
    hidden, lengths = network.own_states(prompts, responses, own)
    log_probs = network.log_distribution(hidden, lengths)
    targets = responses[own]
    losses = -log_probs.gather(-1, targets[:, None]).squeeze(-1)
    if label_smoothing:
        allowed = ~log_probs.isneginf()
        uniform = -log_probs.masked_fill(~allowed, 0.0).sum(dim=-1) / allowed.sum(dim=-1)
        losses = (1 - label_smoothing) * losses + label_smoothing * uniform
    return losses
