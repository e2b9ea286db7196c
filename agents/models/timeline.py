"""Rows that began at different times in one cache: a free slot takes the next row while the others go on.

All rows share one axis of columns, on which the newest token of each stands in the same column. A row that begins later
has its prompt copied to the columns just before that one; what stands further left in its slot is of another row, and
masked. So each row sees what it would see alone, and distances between columns are those between tokens.

Memory and masks are taken once: a step writes one column and copies nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import EncoderDecoderCache
from transformers.cache_utils import DynamicLayer

from agents.models.architectures import DecodingState
from agents.models.column import Column
from textgym.core import BoolArray, IntArray

SLACK = 32  # columns; the oldest ones are forgotten at looks only


class Views(NamedTuple):
    """Keys and values of the present rows and columns, one tensor [rows, heads, columns, dim] a layer.

    Attributes:
        keys: Of what the decoder reads; the last column is the one that is to be written.
        values: As well.
        encoded_keys: Of the encoded prompts; none for a decoder-only model.
        encoded_values: As well.
    """

    keys: list[Tensor]
    values: list[Tensor]
    encoded_keys: list[Tensor]
    encoded_values: list[Tensor]


class Room(NamedTuple):
    """The most columns that will be there at once.

    Attributes:
        prompt: Of a staged prompt; of a decoder's first inputs for an encoder-decoder.
        encoded: Of an encoded prompt; 0 for a decoder-only model.
        new: How many tokens a row reads at most after its prompt.
        slack: Columns beyond those; None where all rows begin together, so that none is used again.
    """

    prompt: int
    encoded: int
    new: int
    slack: int | None = SLACK

    @property
    def columns(self) -> int:
        """Columns to take memory for: enough that what is used again has moved to the front rarely."""
        columns = self.prompt + self.new
        return columns if self.slack is None else 2 * (columns + 1) + self.slack


class Timeline:
    """The state of decoding of rows in slots.

    Args:
        staged: Prompts that were read, whose shapes are those of all that will come.
        slots: How many rows are written at once at most.
        room: For how many columns.
    """

    def __init__(self, staged: DecodingState, slots: int, room: Room) -> None:
        self.stamp = staged.stamp
        self._memory = [_zeros(old, slots, room.columns) for old in _own(staged.cache)]
        self._encoded_memory = [_zeros(old, slots, room.encoded) for old in _cross(staged.cache)]
        like = self._memory[0]
        self._closed = torch.finfo(like.dtype).min  # not infinite: a row in which nothing is open must stay a number
        self._mask = like.new_zeros(slots, 1, 1, room.columns)
        self._encoded_mask = like.new_zeros(slots, 1, 1, room.encoded)
        self._positions = staged.positions.new_zeros(slots)
        self._width = 0 if staged.encoded is None else staged.encoded.shape[-1]
        self._reach = 0 if staged.encoded is None else room.prompt + room.new
        self._starts = np.zeros(slots, dtype=np.int64)  # the first column of each row
        self._prompt = room.prompt
        self._rows, self._first, self._end = 0, 0, room.prompt

    def __len__(self) -> int:
        """Return n, how many rows there are, ended ones included."""
        return self._rows

    @property
    def positions(self) -> Tensor:
        """The positions of the next tokens, int64 [n]."""
        return self._positions[: self._rows]

    def admit(self, slots: IntArray, staged: DecodingState, rows: IntArray, filled: IntArray | None = None) -> None:
        """Let rows of staged prompts begin in slots, which are free, or the next ones after the last.

        Args:
            slots: int64 [m], all different.
            staged: Prompts that were read.
            rows: int64 [m], which of them.
            filled: int64 [m], how many columns on the right of theirs hold tokens; None for all.
        """
        own = _own(staged.cache)
        width = own[0].shape[2]
        self._rows = max(self._rows, int(slots.max()) + 1)
        self._starts[slots] = self._end - (width if filled is None or staged.encoded is not None else filled)
        here, of = (torch.as_tensor(numbers, device=staged.mask.device) for numbers in (slots, rows))
        for memory, new in zip(self._memory, own, strict=True):
            memory[here, :, self._end - width : self._end] = new[of]
        for memory, new in zip(self._encoded_memory, _cross(staged.cache), strict=True):
            memory[here, :, : new.shape[2]] = new[of]
        self._positions[here] = staged.positions[of]
        self._mask[here, :, :, : self._end] = self._closed
        mask = self._additive(staged.mask[of])
        if staged.encoded is None:
            self._mask[here, :, :, self._end - width : self._end] = mask
            return
        self._mask[here, :, :, self._end - width : self._end] = 0.0
        self._encoded_mask[here] = self._closed
        self._encoded_mask[here, :, :, : mask.shape[3]] = mask

    def _additive(self, mask: Tensor) -> Tensor:
        """Return what to add to scores, float [m, 1, 1, columns], for a mask int64 [m, columns]."""
        return (mask == 0).to(self._mask.dtype)[:, None, None] * self._closed

    def next_column(self, tokens: Tensor) -> tuple[Column, Views]:
        """Make room for one more token of each row, int64 [n]; return what a model needs to read them."""
        if self._end == self._mask.shape[3]:
            self._move_to_front()
        self._end += 1
        n, width = self._rows, self._end - self._first
        own = [memory[:n].narrow(2, self._first, width) for memory in self._memory]
        encoded = [memory[:n] for memory in self._encoded_memory]
        views = Views(own[::2], own[1::2], encoded[::2], encoded[1::2])
        mask = self._mask[:n, :, :, self._first : self._end]
        if not encoded:
            return Column(tokens, self.positions, mask), views
        encoded_mask = self._encoded_mask[:n]
        # what the encoder gave is in the cache by now: of it only the shape is asked
        blank = mask.new_zeros(1, 1, 1).expand(n, encoded_mask.shape[3], self._width)
        return Column(tokens, self.positions, mask, blank, encoded_mask, self._reach), views

    def _move_to_front(self) -> None:
        width = self._end - self._first
        for memory in [*self._memory, self._mask]:
            here = memory[: self._rows]
            columns = 3 if memory is self._mask else 2
            here.narrow(columns, 0, width).copy_(here.narrow(columns, self._first, width).clone())
        self._mask[..., width:] = 0.0
        self._starts -= self._first
        self._first, self._end = 0, width

    def was_read(self) -> None:
        """Let every row stand one position further."""
        self.positions.add_(1)

    def rest(self, slots: Tensor | slice, free: Tensor) -> None:
        """Let slots, int64 [m], stay at their first position where ``free``, bool [m].

        They read on until a row begins in them, and a model may have no positions after those of a full response.
        """
        self._positions[slots] = self._positions[slots].masked_fill(free, 0)

    def select(self, kept: IntArray) -> None:
        """Keep the given rows, int64 [R] with R no more than there are; only those that change place are copied."""
        moved = np.flatnonzero(kept != np.arange(len(kept)))
        to, of = (torch.as_tensor(numbers, device=self._mask.device) for numbers in (moved, kept[moved]))
        for memory in self._memory:
            memory[to, :, self._first : self._end] = memory[of, :, self._first : self._end]
        for memory in [*self._encoded_memory, self._mask, self._encoded_mask, self._positions]:
            memory[to] = memory[of]
        self._starts[moved] = self._starts[kept[moved]]
        self._rows = len(kept)

    def forget(self, alive: BoolArray) -> None:
        """Drop the columns before the first of the oldest row among those alive, bool [n]; room for a prompt stays."""
        if alive.any():
            oldest = int(self._starts[: self._rows][alive].min())
            self._first = max(self._first, min(oldest, self._end - self._prompt))


def can_refill(staged: DecodingState) -> bool:
    """Whether every layer of a cache keeps all keys and values, as a :class:`Timeline` needs."""
    layers = [*_own_layers(staged.cache), *_cross_layers(staged.cache)]
    return all(type(layer) is DynamicLayer and layer.get_seq_length() for layer in layers)


def _own_layers(cache: Any) -> list[Any]:
    return list(cache.self_attention_cache.layers if isinstance(cache, EncoderDecoderCache) else cache.layers)


def _cross_layers(cache: Any) -> list[Any]:
    return list(cache.cross_attention_cache.layers) if isinstance(cache, EncoderDecoderCache) else []


def _own(cache: Any) -> list[Tensor]:
    """Return keys and values by turns, layer by layer."""
    return [tensor for layer in _own_layers(cache) for tensor in (layer.keys, layer.values)]


def _cross(cache: Any) -> list[Tensor]:
    return [tensor for layer in _cross_layers(cache) for tensor in (layer.keys, layer.values)]


def _zeros(like: Tensor, slots: int, columns: int) -> Tensor:
    """Return memory [slots, heads, columns, dim] at zero: what is masked is still multiplied."""
    return like.new_zeros(slots, like.shape[1], columns, like.shape[3])
