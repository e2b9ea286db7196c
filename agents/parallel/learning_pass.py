"""The pass of whole sequences through a network that is to learn from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from agents.models.network import TextNetwork

Work = Callable[[TextNetwork, slice, slice], tuple[Tensor, ...]]
"""Computes numbers of the own tokens, float32 [n] each, of some sequences: the network, which rows, which tokens."""


class LearningPass:
    """Passes all sequences through the network here.

    Args:
        network: It.
    """

    def __init__(self, network: TextNetwork) -> None:
        self.network = network

    def __call__(self, sizes: Tensor, work: Work) -> tuple[Tensor, ...]:
        """Return what ``work`` gives for all sequences.

        Args:
            sizes: int64 [E], the own tokens of each.
            work: May be called for some of the sequences only, where other processes compute the others.
        """
        return work(self.network, slice(None), slice(None))

    def moving(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Return what moves the weights from now on, in place of the optimizer that this pass was made for."""
        return optimizer

    def step(self, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> float:
        """Clip the gradient and move the weights, unless it is not finite; return its norm before it was clipped.

        Args:
            optimizer: What :meth:`moving` gave.
            max_grad_norm: The norm to clip to.
        """
        norm = float(torch.nn.utils.clip_grad_norm_(self.network.parameters(), max_grad_norm))
        if math.isfinite(norm):
            optimizer.step()
        return norm
