"""Matrix products of a model in bfloat16, around an architecture that knows nothing of it.

Weights, hidden states that leave the model, and all that is made of them stay float32: logits, probabilities, values
and losses. What bfloat16 costs is that a cached step and a pass over whole sequences, equal but for the last bits in
float32, differ in the third digit; see :mod:`agents.learning.rescoring`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Cache

from agents.models.architectures import Architecture, DecodingState
from agents.models.column import Column
from agents.models.read_prompts import ReadPrompts


class HalfPrecision:
    """An architecture whose matrix products are those of another one in bfloat16.

    Args:
        exact: The other one.
    """

    def __init__(self, exact: Architecture) -> None:
        self.exact = exact

    def states(self, prompts: Tensor, responses: Tensor) -> Tensor:
        """Return hidden states; see :meth:`Architecture.states`."""
        with _products_of(prompts):
            return self.exact.states(prompts, responses).float()

    def read(self, prompts: Tensor) -> ReadPrompts:
        """Read prompts for responses that share them; see :meth:`Architecture.read`."""
        with _products_of(prompts):
            return self.exact.read(prompts)

    def states_after(self, read: ReadPrompts, rows: Tensor, responses: Tensor) -> Tensor:
        """Return hidden states after prompts that were read; see :meth:`Architecture.states_after`."""
        with _products_of(responses):
            return self.exact.states_after(read, rows, responses).float()

    def start(self, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts; see :meth:`Architecture.start`."""
        with _products_of(prompts):
            decoding, hidden = self.exact.start(prompts)
        return decoding, hidden.float()

    def advance(self, decoding: DecodingState, tokens: Tensor) -> Tensor:
        """Read one token of each row; see :meth:`Architecture.advance`."""
        with _products_of(tokens):
            return self.exact.advance(decoding, tokens).float()

    def read_column(self, column: Column, cache: Cache) -> Tensor:
        """Read one token of each row; see :meth:`Architecture.read_column`."""
        with _products_of(column.tokens):
            return self.exact.read_column(column, cache).float()


def weights_cast_once(device: torch.device) -> torch.autocast:
    """Within, a weight is turned into bfloat16 once for all steps; its copy is given up at the end.

    Nothing may learn meanwhile: neither would a copy follow its weight, nor a gradient reach it.
    """
    return torch.autocast(device.type, enabled=False)  # torch keeps copies until the outermost such block ends


def _products_of(tensor: Tensor) -> torch.autocast:
    return torch.autocast(tensor.device.type, dtype=torch.bfloat16)
