"""Whether a model may read a prompt once for several responses: same states, and same gradients through its cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from agents.models.network import TextNetwork

TOLERANCE = 1e-3  # of the largest number; rounding makes 1e-5 of it, a cache without gradients or a wrong mask 1e-1
SHARED = (0, 1, 0, 2, 1)  # the prompts of five responses


def shares_exactly(network: TextNetwork, prompts: Tensor, responses: Tensor) -> bool:
    """Return whether responses that share the reading of prompts have the states and gradients of those that do not.

    Caches of a sliding window, of a state space and the like may keep too little, or keep it without a gradient.

    Args:
        network: In evaluation mode.
        prompts: int64 [3, P], of different lengths.
        responses: int64 [3, K].
    """
    rows = torch.tensor(SHARED, device=prompts.device)
    texts = responses[torch.arange(len(rows), device=rows.device) % len(responses)].flip(1)
    weights = [weight for weight in network.model.parameters() if weight.dim() == 1 and weight.requires_grad]
    try:
        with torch.enable_grad():
            alone = network.states(prompts[rows], texts)
            shared = network.states_after(network.read(prompts), rows, texts)
            pairs = ((shared, alone), (_gradient(shared, weights), _gradient(alone, weights)))
    except Exception:  # each architecture fails in its own way
        return False
    return all(_near(found, expected) for found, expected in pairs)


def _gradient(states: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Return the gradient, one row of numbers, of a sum that counts every number of the states differently.

    All together: that of a key's bias is 0 by itself, and all that is left of it is rounding.
    """
    counted = states * torch.linspace(-1, 1, states.numel(), device=states.device).view_as(states)
    found = torch.autograd.grad(counted.sum(), weights, allow_unused=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])


def _near(found: Tensor, expected: Tensor) -> bool:
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())
