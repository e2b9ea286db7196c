"""Rows that began at different times in one cache: a free slot takes the next row while the others go on.

All rows share one axis of columns, on which the newest token of each stands in the same column. A row that begins later
has its prompt copied to the columns just before that one; what stands further left in its slot is of another row, and
masked. So each row sees what it would see alone, and distances between columns are those between tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer

from agents.models.architectures import DecodingState

SLACK = 32  # columns; the oldest ones are forgotten every few steps only


class TimelineLayer(DynamicLayer):
    """The cache of one layer; its ``keys`` and ``values`` are those of the present rows and columns.

    Args:
        like: A layer that has read prompts.
        slots: How many rows there may be.
        columns: How many columns there may be from the first of the oldest row on.
    """

    def __init__(self, like: DynamicLayer, slots: int, columns: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert like.keys is not None
        assert like.values is not None
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True
        shapes = [(slots, old.shape[1], 2 * columns + SLACK, old.shape[3]) for old in (like.keys, like.values)]
        # zeros: what is masked is still multiplied, and 0 times not-a-number is none
        self._memory = [like.keys.new_zeros(shape) for shape in shapes]
        self._rows = self._first = self._end = 0

    def _show(self) -> None:
        self.keys, self.values = (memory[: self._rows, :, self._first : self._end] for memory in self._memory)

    def skip(self, columns: int) -> None:
        """Make room for prompts: go on as if so many columns had been read."""
        self._end += columns
        self._show()

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of one new column, [rows, heads, 1, dim]; return all."""
        if self._end == self._memory[0].shape[2]:
            self._move_to_front()
        for memory, states in zip(self._memory, (key_states, value_states), strict=True):
            memory[: self._rows, :, self._end : self._end + 1] = states
        self._end += 1
        self._show()
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def _move_to_front(self) -> None:
        width = self._end - self._first
        for memory in self._memory:
            memory[: self._rows, :, :width] = memory[: self._rows, :, self._first : self._end].clone()
        self._first, self._end = 0, width

    def admit(self, slots: Tensor, staged: DynamicLayer, rows: Tensor, count: int) -> None:
        """Copy rows of another cache into slots, at the right end of the columns.

        Args:
            slots: int64 [m].
            staged: Whose columns are copied.
            rows: int64 [m], its rows.
            count: How many rows there are from now on.
        """
        assert staged.keys is not None
        assert staged.values is not None
        width = staged.keys.shape[2]
        for memory, new in zip(self._memory, (staged.keys, staged.values), strict=True):
            memory[slots, :, self._end - width : self._end] = new[rows]
        self._rows = count
        self._show()

    def forget(self, columns: int) -> None:
        """Drop the first columns, which no row needs any more."""
        self._first += columns
        self._show()

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows, int64 [R] with R no more than there are; only those that change place are copied."""
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero().squeeze(-1)
        for memory in self._memory:
            memory[moved, :, self._first : self._end] = memory[indices[moved], :, self._first : self._end]
        self._rows = len(indices)
        self._show()


class PromptLayer(DynamicLayer):
    """The keys and values of encoded prompts, one prompt a slot, at the left end of the columns."""

    def __init__(self, like: DynamicLayer, slots: int, columns: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        assert like.keys is not None
        assert like.values is not None
        self.dtype, self.device, self.is_initialized = like.dtype, like.device, True
        shapes = [(slots, old.shape[1], columns, old.shape[3]) for old in (like.keys, like.values)]
        self._memory = [like.keys.new_zeros(shape) for shape in shapes]
        self._show(0)

    def admit(self, slots: Tensor, staged: DynamicLayer, rows: Tensor, count: int) -> None:
        """Copy rows of another cache into slots; arguments as for a :class:`TimelineLayer`."""
        assert staged.keys is not None
        assert staged.values is not None
        width = staged.keys.shape[2]
        for memory, new in zip(self._memory, (staged.keys, staged.values), strict=True):
            memory[slots, :, :width] = new[rows]
        self._show(count)

    def _show(self, rows: int) -> None:
        self.keys, self.values = (memory[:rows] for memory in self._memory)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the given rows, int64 [R]."""
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero().squeeze(-1)
        for memory in self._memory:
            memory[moved] = memory[indices[moved]]
        self._show(len(indices))


class Timeline(DecodingState):
    """The state of decoding of rows in slots.

    Args:
        staged: Prompts that were read, whose shapes are those of all that will come.
        slots: How many rows are written at once at most.
        prompt_columns: The most columns of a staged prompt; of a decoder's first inputs for an encoder-decoder.
        encoder_columns: The most columns of an encoded prompt; 0 for a decoder-only model.
        new_columns: How many tokens a row reads at most after its prompt.
    """

    def __init__(
        self, staged: DecodingState, slots: int, prompt_columns: int, encoder_columns: int, new_columns: int
    ) -> None:
        columns = prompt_columns + new_columns + 1
        own: list[Any] = [TimelineLayer(layer, slots, columns) for layer in _own_layers(staged.cache)]
        self._layers: list[TimelineLayer | PromptLayer] = [*own]
        self._prompt_columns = prompt_columns
        for layer in own:
            layer.skip(prompt_columns)
        blank = staged.mask.new_zeros(0, prompt_columns)
        positions = staged.positions.new_zeros(0)
        if staged.encoded is None:
            super().__init__(Cache(layers=own), blank, positions)
            return
        cross: list[Any] = [PromptLayer(layer, slots, encoder_columns) for layer in _cross_layers(staged.cache)]
        self._layers += cross
        cache = EncoderDecoderCache(Cache(layers=own), Cache(layers=cross))
        cache.is_updated = dict.fromkeys(range(len(cross)), True)  # else it would project the prompts again
        # what the encoder gave is in the cache by now: of it only the shape is asked
        encoded = staged.encoded.new_zeros(1, 1, 1).expand(0, encoder_columns, staged.encoded.shape[-1])
        reach = prompt_columns + new_columns
        super().__init__(cache, staged.mask.new_zeros(0, encoder_columns), positions, encoded, blank, reach)

    def admit(self, slots: Tensor, staged: DecodingState, rows: Tensor) -> None:
        """Let rows of staged prompts begin in slots, which are free, or the next ones after the last.

        Args:
            slots: int64 [m], all different.
            staged: Prompts that were read.
            rows: int64 [m], which of them.
        """
        count = max(len(self.positions), int(slots.max()) + 1)
        self._grow(count)
        for layer, source in zip(self._layers, [*_own_layers(staged.cache), *_cross_layers(staged.cache)], strict=True):
            layer.admit(slots, source, rows, count)
        self.positions[slots] = staged.positions[rows]
        if self.written is None:
            self.mask[slots] = _right_aligned(staged.mask[rows], self.mask.shape[1])
            return
        self.mask[slots] = torch.nn.functional.pad(staged.mask[rows], (0, self.mask.shape[1] - staged.mask.shape[1]))
        starts = staged.cache.get_seq_length()
        ones = self.written.new_ones(len(slots), starts)
        self.written[slots] = _right_aligned(ones, self.written.shape[1])

    def _grow(self, count: int) -> None:
        more = count - len(self.positions)
        if not more:
            return
        self.positions = torch.nn.functional.pad(self.positions, (0, more))
        self.mask = torch.nn.functional.pad(self.mask, (0, 0, 0, more))
        if self.written is not None and self.encoded is not None:
            self.written = torch.nn.functional.pad(self.written, (0, 0, 0, more))
            self.encoded = self._blank(count)

    def _blank(self, count: int) -> Tensor:
        assert self.encoded is not None
        _, columns, width = self.encoded.shape
        return self.encoded.new_zeros(1, 1, 1).expand(count, columns, width)

    def rest(self, slots: Tensor, free: Tensor) -> None:
        """Let slots, int64 [m], stay at their first position where ``free``, bool [m].

        They read on until a row begins in them, and a model may have no positions after those of a full response.
        """
        self.positions[slots] = self.positions[slots].masked_fill(free, 0)

    def select(self, rows: Tensor) -> None:
        """Keep the given rows, int64 [R]."""
        for layer in self._layers:
            layer.batch_select_indices(rows)
        self.mask, self.positions = self.mask[rows], self.positions[rows]
        if self.written is not None:
            self.written, self.encoded = self.written[rows], self._blank(len(rows))

    def forget(self, live: Tensor) -> None:
        """Drop the columns before the first of the oldest row among ``live``, bool [n]; room for a prompt stays."""
        timeline = self.mask if self.written is None else self.written
        unused = int(timeline[live].any(dim=0).long().argmax())
        columns = min(unused, timeline.shape[1] - self._prompt_columns)
        if columns <= 0:
            return
        for layer in self._layers:
            if isinstance(layer, TimelineLayer):
                layer.forget(columns)
        if self.written is None:
            self.mask = self.mask[:, columns:]
        else:
            self.written = self.written[:, columns:]


def can_refill(staged: DecodingState) -> bool:
    """Whether every layer of a cache keeps all keys and values, as a :class:`Timeline` needs."""
    layers = [*_own_layers(staged.cache), *_cross_layers(staged.cache)]
    return all(type(layer) is DynamicLayer and layer.get_seq_length() for layer in layers)


def _own_layers(cache: Any) -> list[DynamicLayer]:
    return list(cache.self_attention_cache.layers if isinstance(cache, EncoderDecoderCache) else cache.layers)


def _cross_layers(cache: Any) -> list[Any]:
    return list(cache.cross_attention_cache.layers) if isinstance(cache, EncoderDecoderCache) else []


def _right_aligned(mask: Tensor, columns: int) -> Tensor:
    return torch.nn.functional.pad(mask, (columns - mask.shape[1], 0))
