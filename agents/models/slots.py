"""Keys and values in memory that is taken once: a new token writes one column, ended rows give up their place.

The library's own cache grows by concatenation, which copies all that was read for every token.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer

from textgym.core import BoolArray, IntArray


class SlotLayer(DynamicLayer):
    """The cache of one layer, with ``keys`` and ``values`` of what was read, [rows, heads, columns, dim].

    Args:
        layer: A layer that has read the prompts.
        columns: How many tokens will be read at most.
    """

    def __init__(self, layer: DynamicLayer, columns: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert layer.keys is not None
        assert layer.values is not None
        self.dtype, self.device, self.is_initialized = layer.dtype, layer.device, True
        self._memory = [_enlarged(old, columns) for old in (layer.keys, layer.values)]
        self._show(len(layer.keys), layer.get_seq_length())

    def _show(self, rows: int, columns: int) -> None:
        self.keys, self.values = (memory[:rows, :, :columns] for memory in self._memory)

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of new columns, [rows, heads, new, dim]; return all."""
        start = self.get_seq_length()
        stop = start + key_states.shape[-2]
        for memory, states in zip(self._memory, (key_states, value_states), strict=True):
            memory[: len(states), :, start:stop] = states
        self._show(len(key_states), stop)
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows, int64 [R] with R no more than there are; only those that change place are copied."""
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero().squeeze(-1)
        columns = self.get_seq_length()
        for memory in self._memory:
            memory[moved, :, :columns] = memory[indices[moved], :, :columns]
        self._show(len(indices), columns)


def reserve(cache: Cache, columns: int) -> None:
    """Give a cache that has read the prompts memory for ``columns`` more tokens.

    Layers that keep something else than all keys and values, such as those of a sliding window, go on as they are.
    """
    if isinstance(cache, EncoderDecoderCache):
        reserve(cache.self_attention_cache, columns)
        reserve(cache.cross_attention_cache, 0)
        return
    for i, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer and layer.get_seq_length():
            cache.layers[i] = SlotLayer(layer, columns)


def places(alive: BoolArray) -> IntArray | None:
    """Return which rows, int64 [R], a batch shall keep: those alive, bool [n]; None while fewer than an eighth ended.

    The last rows take the places of those that ended, so that the others need not move.
    """
    count = int(alive.sum())
    if count and count > len(alive) * 7 / 8:
        return None
    kept = np.arange(count)
    kept[~alive[:count]] = np.flatnonzero(alive[count:]) + count
    return kept


def _enlarged(old: Tensor, columns: int) -> Tensor:
    """Return [rows, heads, columns, dim] with that many columns more, which hold nothing yet."""
    rows, heads, filled, dim = old.shape
    memory = old.new_empty(rows, heads, filled + columns, dim)
    memory[:, :, :filled] = old
    return memory
