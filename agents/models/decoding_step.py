"""One decoding step as a function of tensors alone, so that it may be compiled."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import Cache, EncoderDecoderCache, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from agents.models.architectures import Architecture
from agents.models.column import Column
from agents.models.one_query import one_query, sdpa_configs
from agents.models.timeline import Timeline, Views


class ColumnLayer(DynamicLayer):
    """The cache of one layer in one step, whose last column is still to be written.

    Args:
        keys: [rows, heads, columns, dim].
        values: As well.
    """

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.keys, self.values = keys, values
        self.is_initialized = True
        self._read = keys.shape[2] - 1

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of the new column, [rows, heads, 1, dim]; return all."""
        assert self.keys is not None
        assert self.values is not None
        self.keys[:, :, self._read :] = key_states
        self.values[:, :, self._read :] = value_states
        self._read += 1
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Return how many columns were read."""
        return self._read


def read_column(architecture: Architecture, column: Column, views: Views) -> Tensor:
    """Read one token of each row; return the hidden state before the next one, [n, D]."""
    own = Cache(layers=[ColumnLayer(*pair) for pair in zip(views.keys, views.values, strict=True)])
    if not views.encoded_keys:
        return architecture.read_column(column, own)
    pairs = zip(views.encoded_keys, views.encoded_values, strict=True)
    cache = EncoderDecoderCache(own, Cache(layers=[ColumnLayer(*pair) for pair in pairs]))
    cache.is_updated = dict.fromkeys(range(len(views.encoded_keys)), True)  # else it would project the prompts again
    return architecture.read_column(column, cache)


class DecodingStep:
    """Reads one token of each row of a timeline.

    Args:
        architecture: How.
        model: Whose configurations name the attention function.
    """

    def __init__(self, architecture: Architecture, model: PreTrainedModel) -> None:
        self._architecture, self._model = architecture, model
        self._configs: list[PreTrainedConfig] | None = None

    def __call__(self, timeline: Timeline, tokens: Tensor) -> Tensor:
        """Read one token of each row, int64 [n]; return the hidden state before the next one, [n, D]."""
        if self._configs is None:
            self._configs = sdpa_configs(self._model)
        column, views = timeline.next_column(tokens)
        with one_query(self._configs):
            hidden = read_column(self._architecture, column, views)
        timeline.was_read()
        return hidden
