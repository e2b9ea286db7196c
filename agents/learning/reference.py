"""The frozen copy of a policy from which learning must not drift far, and the distance to it."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor

from agents.learning.buffer import Experience
from agents.learning.returns import Float32Array
from agents.models.branch import Branch
from agents.models.lora import adapters_off, fold, has_moved
from agents.models.network import TextNetwork
from agents.parallel.processes import current
from agents.policy import Sequences


class ReferencePolicy:
    """A frozen copy of a network, or what differs from it.

    Of a network whose adapters have not moved yet it is that network itself with its adapters off; of one whose lower
    layers do not learn, a copy of the upper ones alone.

    Args:
        network: The network to copy.
        batch_rows: Sequences per forward pass.
        shared: Whether there is no copy; None finds out.

    Attributes:
        branch: The copied upper layers, if it is that.
    """

    def __init__(self, network: TextNetwork, batch_rows: int = 64, shared: bool | None = None) -> None:
        self.shared = network.lora is not None and not has_moved(network.model) if shared is None else shared
        unfrozen = network.unfrozen_layers
        self.branch = None if unfrozen is None else Branch(network.model, unfrozen)
        self.network = network if self.shared or self.branch else _frozen(network)
        self.batch_rows = batch_rows

    @torch.no_grad()
    def log_ratio(self, experience: Experience) -> Float32Array:
        """Return log pi(a) - log pi_ref(a), float32 [E, T]; zero where the policy did not act.

        Summed over a response and averaged over responses it is an unbiased estimate of KL(pi || pi_ref).
        """
        if experience.reference_log_probs is not None:
            return np.where(experience.own, experience.log_probs - experience.reference_log_probs, np.float32(0))
        with adapters_off(self.network.model) if self.shared else nullcontext():
            return self._log_ratio(experience)

    def _log_ratio(self, experience: Experience) -> Float32Array:
        """Return the log-ratios; where several processes learn together, each computes those of some sequences."""
        device, processes = self.network.device, current()
        ratios = np.zeros_like(experience.log_probs)
        mine = np.arange(len(ratios))[processes.mine(len(ratios))]
        for rows in np.array_split(mine, -(-len(mine) // self.batch_rows) or 1):
            if not len(rows):
                break
            sequences, actions = experience.sequences(rows, device)
            reference = self._log_probs(sequences, actions).cpu().numpy()
            own = experience.own[rows]
            part = np.zeros(own.shape, dtype=np.float32)
            part[own] = experience.log_probs[rows][own] - reference
            ratios[rows] = part
        return processes.joined(ratios[mine])

    def _log_probs(self, sequences: Sequences, actions: Tensor) -> Tensor:
        network = self.network
        with nullcontext() if self.branch is None else self.branch.beside():
            hidden, before = network.own_states(*network.split(sequences.observations), sequences.own)
        if self.branch is not None:
            hidden = hidden.chunk(2, dim=-1)[1]
        return network.log_probs(hidden, before, actions)


def _frozen(network: TextNetwork) -> TextNetwork:
    twin = copy.deepcopy(network).eval().requires_grad_(False)
    fold(twin.model)
    return twin
