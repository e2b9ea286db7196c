"""One decoding step as a function of tensors alone, so that it may be compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from enum import Enum
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, EncoderDecoderCache, PreTrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from agents.models.architectures import Architecture, DecodingState
from agents.models.column import Column
from agents.models.one_query import one_query, sdpa_configs
from agents.models.stamp import Stamp
from agents.models.timeline import Timeline, Views

EXACT, HALF = 1e-3, 5e-2  # differences that rounding may make, as shares of the largest hidden state


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
    """Reads prompts, and then one token of each row after the other.

    Args:
        architecture: How.
        model: Whose configurations name the attention function.
    """

    def __init__(self, architecture: Architecture, model: PreTrainedModel) -> None:
        self._architecture, self._model = architecture, model
        self._configs: list[PreTrainedConfig] | None = None
        self._trust = Trust.UNKNOWN

    def start(self, network: nn.Module, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts [B, P]; return the state, for this network as it is, and the hidden states, [B, D]."""
        decoding, hidden = self._architecture.start(prompts)
        decoding.stamp = Stamp(network)
        return decoding, hidden

    def __call__(self, decoding: DecodingState | Timeline, tokens: Tensor, *, compiled: bool) -> Tensor:
        """Read one token of each row; return the hidden state before the next one, [n, D].

        Args:
            decoding: The state of decoding.
            tokens: int64 [n].
            compiled: By a compiled function, if that can be made; else it is told once that it cannot.

        Raises:
            ModelError: The network has changed since it began to read.
        """
        if decoding.stamp is not None:
            decoding.stamp.check()
        if isinstance(decoding, DecodingState):
            return self._architecture.advance(decoding, tokens)
        return self._read(decoding, tokens, compiled)

    def _read(self, timeline: Timeline, tokens: Tensor, compiled: bool) -> Tensor:
        if self._configs is None:
            self._configs = sdpa_configs(self._model)
        column, views = timeline.next_column(tokens)
        with one_query(self._configs):
            if compiled and self._trust is not Trust.REFUSED and _is_general(column, views):
                hidden = self._by_compiled(column, views)
            else:
                hidden = read_column(self._architecture, column, views)
        timeline.was_read()
        return hidden

    def _by_compiled(self, column: Column, views: Views) -> Tensor:
        """Try the compiled function; a step that failed half way is done again, over what it wrote."""
        try:
            with _quiet() if self._trust is Trust.UNKNOWN else nullcontext():
                hidden = compiled_step(self._architecture, column, views)
        except Exception as error:  # compilers fail in many ways
            return self._refuse(f"{type(error).__name__}: {_first_line(error)}", column, views)
        if self._trust is Trust.UNKNOWN:
            expected = read_column(self._architecture, column, views)
            difference, largest = (hidden - expected).abs().max().item(), expected.abs().max().item()
            if not difference <= (EXACT if views.keys[0].dtype == torch.float32 else HALF) * largest:
                return self._refuse(f"its hidden states differ by {difference:.2g}", column, views)
            self._trust = Trust.GIVEN
        return hidden

    def _refuse(self, reason: str, column: Column, views: Views) -> Tensor:
        self._trust = Trust.REFUSED
        warnings.warn(
            f"The decoding step of {type(self._model).__name__} is not compiled, and runs as it is: {reason}",
            stacklevel=2,
        )
        return read_column(self._architecture, column, views)


class Trust(Enum):
    """Whether a compiled step is used: it is compared with the plain one once."""

    UNKNOWN = 0
    GIVEN = 1
    REFUSED = 2


def compiled_step(architecture: Architecture, column: Column, views: Views) -> Tensor:
    """Do what :func:`read_column` does by a function that is compiled for all numbers of rows and columns."""
    function, shapes = _compiled()
    with shapes.patch(use_duck_shape=False):  # that there are as many rows as columns now means nothing
        return function(architecture, column, views)


@cache
def _compiled() -> tuple[Callable[[Architecture, Column, Views], Tensor], Any]:
    """Return the function, which compiles itself when it meets a model, and torch's configuration of shapes.

    Weights are arguments of it, so that it follows what they learn.
    """
    from torch.fx.experimental import _config as shapes

    return torch.compile(read_column, dynamic=True, fullgraph=True), shapes


def _is_general(column: Column, views: Views) -> bool:
    """Whether no number of rows or columns is 1, for which a function of its own would be compiled."""
    return len(column.tokens) > 1 and all(keys.shape[2] > 1 for keys in (*views.keys[:1], *views.encoded_keys[:1]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a compiler says of its own parts from users, who may have made errors of all warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
