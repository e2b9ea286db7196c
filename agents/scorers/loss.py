"""What a scorer's numbers cost, given people's judgments."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def loss_of(target: str, numbers: Tensor, judgments: Tensor) -> Tensor:
    """Return the mean loss.

    Regression: the squared error. Classification: the cross-entropy. Pairwise: -log sigmoid(chosen - rejected), the
    likelihood of Bradley and Terry (1952), for which ``numbers`` holds the differences.

    Args:
        target: "regression", "classification" or "pairwise".
        numbers: Of the scorer, [N, outputs].
        judgments: Of people, [N].
    """
    if target == "regression":
        return functional.mse_loss(numbers[:, 0], judgments)
    if target == "pairwise":
        return -functional.logsigmoid(numbers[:, 0]).mean()
    return functional.cross_entropy(numbers, judgments.to(torch.int64))
