"""The pass of whole sequences through a network that is to learn from them."""

from __future__ import annotations

from collections.abc import Callable

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
