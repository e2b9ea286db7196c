"""Prompts that were read once for several responses."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer


@dataclass
class ReadPrompts:
    """U prompts that were read once for all responses to them; gradients flow back into them from every response.

    Attributes:
        mask: int64 [U, P], 1 where a token stands.
        hidden: Before the first response token, [U, D]; of an encoder-decoder, the encoder's output, [U, P, D].
        cache: Keys and values of a decoder-only model.
    """

    mask: Tensor
    hidden: Tensor
    cache: Any = None

    def cache_of(self, rows: Tensor) -> Any:
        """Return the cache of rows, int64 [B], each a prompt's number; this one stays as it is."""
        chosen = copy.copy(self.cache)
        chosen.layers = [copy.copy(layer) for layer in self.cache.layers]
        for layer in chosen.layers:
            if type(layer) is DynamicLayer and layer.keys is not None and layer.values is not None:
                layer.keys, layer.values = layer.keys.index_select(0, rows), layer.values.index_select(0, rows)
            else:
                layer.batch_select_indices(rows)
        return chosen
