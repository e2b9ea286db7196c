"""Muon for a language model's weight matrices and Adam for all else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class MuonAdam(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for the weight matrices of hidden layers, Adam for embeddings, norms and heads.

    A policy gradient is mostly noise, and that of a weight matrix lies in few directions. Muon's step is as long in
    each direction as in every other, so that for the same gain a policy drifts less from where it was than with Adam.
    Muon's steps are scaled to the size of Adam's, and one learning rate serves both.

    Args:
        params: All parameters.
        matrices: Those of them that Muon moves, at least one; each has two dimensions.
        lr: The learning rate.
        momentum: Muon's.
        eps: Adam's.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        matrices: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.95,
        eps: float = 1e-5,
    ) -> None:
        chosen = list(matrices)
        numbers = {id(matrix) for matrix in chosen}
        others = [weight for weight in params if id(weight) not in numbers]
        self._parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(chosen, lr=lr, momentum=momentum, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
            torch.optim.Adam(others, lr=lr, eps=eps),
        )
        super().__init__([group for part in self._parts for group in part.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient; ``closure`` is not for this optimizer."""
        assert closure is None
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state  # which loading a checkpoint replaces
            part.step()
