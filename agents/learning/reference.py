"""The frozen copy of a policy from which learning must not drift far, and the distance to it."""

from __future__ import annotations

import copy

import numpy as np
import torch

from agents.learning.buffer import Experience
from agents.learning.returns import Float32Array
from agents.models.network import TextNetwork


class ReferencePolicy:
    """A frozen copy of a network.

    Args:
        network: The network to copy.
        batch_rows: Sequences per forward pass.
    """

    def __init__(self, network: TextNetwork, batch_rows: int = 64) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.batch_rows = batch_rows

    @torch.no_grad()
    def log_ratio(self, experience: Experience) -> Float32Array:
        """Return log pi(a) - log pi_ref(a), float32 [E, T]; zero where the policy did not act.

        Summed over a response and averaged over responses it is an unbiased estimate of KL(pi || pi_ref).
        """
        device = self.network.device
        ratios = np.zeros_like(experience.log_probs)
        for rows in np.array_split(np.arange(len(ratios)), -(-len(ratios) // self.batch_rows)):
            sequences, actions = experience.sequences(rows, device)
            reference = self.network.evaluate_sequences(*sequences, actions).log_probs.cpu().numpy()
            own = experience.own[rows]
            part = np.zeros(own.shape, dtype=np.float32)
            part[own] = experience.log_probs[rows][own] - reference
            ratios[rows] = part
        return ratios
