"""What a hidden state is worth."""

from __future__ import annotations

import torch
from torch import nn

from textgym.errors import ModelError


def make_value_head(width: int, hidden: int) -> nn.Module:
    """Return a head that gives every state the value 0 until it learns."""
    if hidden < 0:
        raise ModelError(f"value_hidden must be at least 0, got {hidden}.")
    last = nn.Linear(hidden or width, 1, dtype=torch.float32)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, hidden, dtype=torch.float32), nn.GELU(), last) if hidden else last
