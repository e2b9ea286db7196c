"""Whose keys and values a cache holds: those of the weights, and of the mode, that read them."""

from __future__ import annotations

import torch
from torch import nn

from textgym.errors import ModelError


class Stamp:
    """The state of a network at one moment; what was read then may be continued as long as it is the same.

    An optimizer's step and loading weights raise the version that torch counts for each tensor, or put another tensor
    in its place.

    Args:
        network: Whose parameters and mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network, self._training = network, network.training
        homes = [module._parameters for module in network.modules()]
        self._held = [(home, name, weight) for home in homes for name, weight in home.items() if weight is not None]
        self._versions = self._count()
        # what shards weights among processes puts others in their places in every pass
        self._in_place = not (torch.distributed.is_available() and torch.distributed.is_initialized())

    def _count(self) -> int:
        # what was made in inference mode cannot learn, and counts no versions
        return sum(0 if weight.is_inference() else weight._version for _, _, weight in self._held)

    def check(self) -> None:
        """Refuse to go on after a change.

        Raises:
            ModelError: The weights or the mode are not those of before.
        """
        moved = self._in_place and any(home[name] is not weight for home, name, weight in self._held)
        if not moved and self._count() == self._versions and self._network.training == self._training:
            return
        raise ModelError(
            "The network has learned, or its weights or its mode were changed, since it began to read these texts: "
            "the keys and values that it keeps of them are those of before. Read the prompts again."
        )
