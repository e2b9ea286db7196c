"""The two ways in which a Hugging Face model reads a prompt and continues it, behind one small interface.

Both read the layout of ``textgym.TokenSpace``: prompts ``[B, P]`` pushed to the right end and responses ``[B, K]`` from
the left, -1 where empty. Both give hidden states *before* each response token: state k predicts token k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, EncoderDecoderCache, PreTrainedModel

from agents.models.column import Column
from agents.models.position_table import PositionTable
from agents.models.read_prompts import ReadPrompts
from agents.models.slots import reserve
from agents.models.stamp import Stamp
from textgym.core import IntArray


@dataclass
class DecodingState:
    """What a model keeps between two tokens: its cache, and which cached columns are real.

    Attributes:
        cache: Keys and values of the columns read so far.
        mask: int64 [B, columns], 1 where a token stands; of the prompt's columns for an encoder-decoder.
        positions: int64 [B], the position of the next token.
        encoded: float [B, P, D], the encoder's output; None for a decoder-only model.
        stamp: Of the network that read.
    """

    cache: Any
    mask: Tensor
    positions: Tensor
    encoded: Tensor | None = None
    stamp: Stamp | None = None

    def select(self, kept: IntArray) -> None:
        """Keep the given rows, int64 [R], in their order; a row may be taken more than once."""
        rows = torch.as_tensor(kept, device=self.mask.device)
        self.cache.batch_select_indices(rows)
        self.mask = self.mask[rows]
        self.positions = self.positions[rows]
        self.encoded = None if self.encoded is None else self.encoded[rows]

    def reserve(self, columns: int) -> None:
        """Take memory for as many tokens, so that reading one copies nothing, and dropping rows copies little."""
        reserve(self.cache, columns)


class Architecture(Protocol):
    """How hidden states are made; D is the width of the decoder."""

    def states(self, prompts: Tensor, responses: Tensor) -> Tensor:
        """Return the hidden states before each of K response tokens and after the last, [B, K + 1, D]."""

    def read(self, prompts: Tensor) -> ReadPrompts:
        """Read U prompts for responses that share them, in one pass with gradients."""

    def states_after(self, read: ReadPrompts, rows: Tensor, responses: Tensor) -> Tensor:
        """Return what ``states`` does for the prompts ``read[rows]``, rows int64 [B], without reading them again."""

    def start(self, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts; return the state of decoding and the hidden state before the first token, [B, D]."""

    def advance(self, decoding: DecodingState, tokens: Tensor) -> Tensor:
        """Read one token of each row, int64 [B]; return the hidden state before the next one, [B, D]."""

    def read_column(self, column: Column, cache: Cache) -> Tensor:
        """Read one token of each row into a cache; return the hidden state before the next one, [B, D]."""


def architecture_of(model: PreTrainedModel, start_ids: Sequence[int]) -> Architecture:
    """Return the architecture of a model; ``start_ids`` are the first decoder inputs of an encoder-decoder."""
    if model.config.is_encoder_decoder:
        return EncoderDecoder(model, start_ids)
    return DecoderOnly(model)


class DecoderOnly:
    """One stack reads prompt and response; position ids count real tokens, so padding changes no number."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.base = cast(PreTrainedModel, model.base_model)

    def states(self, prompts: Tensor, responses: Tensor) -> Tensor:
        """Return the hidden states before each of K response tokens and after the last, [B, K + 1, D]."""
        prompts = readable(prompts)
        ids = torch.cat([prompts, responses], dim=1)
        mask = (ids >= 0).long()
        output = self.base(
            input_ids=ids.clamp(min=0), attention_mask=mask, position_ids=_positions(mask), use_cache=False
        )
        return _hidden(output)[:, prompts.shape[1] - 1 :]

    def read(self, prompts: Tensor) -> ReadPrompts:
        """Read prompts for responses that share them; see :meth:`Architecture.read`."""
        decoding, hidden = self.start(prompts)
        return ReadPrompts(decoding.mask, hidden, decoding.cache)

    def states_after(self, read: ReadPrompts, rows: Tensor, responses: Tensor) -> Tensor:
        """Return hidden states after prompts that were read; see :meth:`Architecture.states_after`."""
        before = read.hidden.index_select(0, rows)[:, None]
        if not responses.shape[1]:
            return before
        mask = torch.cat([read.mask[rows], (responses >= 0).long()], dim=1)
        output = self.base(
            input_ids=responses.clamp(min=0),
            attention_mask=mask,
            position_ids=_positions(mask)[:, read.mask.shape[1] :],
            past_key_values=read.cache_of(rows),
            use_cache=True,
        )
        return torch.cat([before, _hidden(output)], dim=1)

    def start(self, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts; see :meth:`Architecture.start`."""
        prompts = readable(prompts)
        mask = (prompts >= 0).long()
        cache = DynamicCache(config=self.base.config)
        output = self.base(
            input_ids=prompts.clamp(min=0),
            attention_mask=mask,
            position_ids=_positions(mask),
            past_key_values=cache,
            use_cache=True,
        )
        return DecodingState(cache, mask, mask.sum(dim=1)), _hidden(output)[:, -1]

    def advance(self, decoding: DecodingState, tokens: Tensor) -> Tensor:
        """Read one token of each row; see :meth:`Architecture.advance`."""
        decoding.mask = torch.nn.functional.pad(decoding.mask, (0, 1), value=1)
        hidden = self.read_column(Column(tokens, decoding.positions, decoding.mask), decoding.cache)
        decoding.positions = decoding.positions + 1
        return hidden

    def read_column(self, column: Column, cache: Cache) -> Tensor:
        """Read one token of each row into a cache; see :meth:`Architecture.read_column`."""
        output = self.base(
            input_ids=column.tokens[:, None],
            attention_mask=column.mask,
            position_ids=column.positions[:, None],
            past_key_values=cache,
            use_cache=True,
        )
        return _hidden(output)[:, -1]


class EncoderDecoder:
    """An encoder reads the prompt, pushed to the left since its positions count columns; a decoder writes."""

    def __init__(self, model: PreTrainedModel, start_ids: Sequence[int]) -> None:
        self.encoder = model.get_encoder()
        self.decoder = model.get_decoder()
        self.start_ids = tuple(start_ids)
        self._table = PositionTable(self.decoder)

    def states(self, prompts: Tensor, responses: Tensor) -> Tensor:
        """Return the hidden states before each of K response tokens and after the last, [B, K + 1, D]."""
        return self.states_after(self.read(prompts), torch.arange(len(prompts), device=prompts.device), responses)

    def read(self, prompts: Tensor) -> ReadPrompts:
        """Encode prompts for responses that share them; see :meth:`Architecture.read`."""
        encoded, mask = self._encode(prompts)
        return ReadPrompts(mask, encoded)

    def states_after(self, read: ReadPrompts, rows: Tensor, responses: Tensor) -> Tensor:
        """Return hidden states after prompts that were read; see :meth:`Architecture.states_after`."""
        output = self.decoder(
            input_ids=torch.cat([self._starts(responses), responses.clamp(min=0)], dim=1),
            encoder_hidden_states=read.hidden.index_select(0, rows),
            encoder_attention_mask=read.mask[rows],
            use_cache=False,
        )
        return _hidden(output)[:, len(self.start_ids) - 1 :]

    def start(self, prompts: Tensor) -> tuple[DecodingState, Tensor]:
        """Read the prompts; see :meth:`Architecture.start`."""
        encoded, mask = self._encode(prompts)
        config = self.decoder.config
        cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
        decoding = DecodingState(cache, mask, torch.zeros_like(prompts[:, 0]), encoded)
        for starts in self._starts(prompts).T:
            hidden = self.advance(decoding, starts)
        return decoding, hidden

    def advance(self, decoding: DecodingState, tokens: Tensor) -> Tensor:
        """Read one token of each row; see :meth:`Architecture.advance`."""
        column = Column(tokens, decoding.positions, None, decoding.encoded, decoding.mask)
        hidden = self.read_column(column, decoding.cache)
        decoding.positions = decoding.positions + 1
        return hidden

    def read_column(self, column: Column, cache: Cache) -> Tensor:
        """Read one token of each row into a cache; see :meth:`Architecture.read_column`."""
        with self._table.places(column):
            output = self.decoder(
                input_ids=column.tokens[:, None],
                attention_mask=column.mask,
                encoder_hidden_states=column.encoded,
                encoder_attention_mask=column.encoded_mask,
                past_key_values=cache,
                use_cache=True,
            )
        return _hidden(output)[:, -1]

    def _starts(self, prompts: Tensor) -> Tensor:
        return prompts.new_tensor(self.start_ids).expand(len(prompts), -1)

    def _encode(self, prompts: Tensor) -> tuple[Tensor, Tensor]:
        ids = push_left(prompts)
        mask = (ids >= 0).long()
        return _hidden(self.encoder(input_ids=ids.clamp(min=0), attention_mask=mask)), mask


def trim_left(prompts: Tensor) -> Tensor:
    """Drop the columns on the left that are empty in every row; at least one column stays."""
    width = max(1, int((prompts >= 0).sum(dim=1).max()))
    return prompts[:, prompts.shape[1] - width :]


def readable(prompts: Tensor) -> Tensor:
    """Return prompts without the common empty columns; in place of one that holds nothing, token 0 is read.

    A model must attend to something: softmax over nothing is NaN.
    """
    prompts = trim_left(prompts)
    nothing = (prompts < 0).all(dim=1)
    return torch.cat([prompts[:, :-1], prompts[:, -1:].masked_fill(nothing[:, None], 0)], dim=1)


def push_left(prompts: Tensor) -> Tensor:
    """Move what :func:`readable` gives from the right end of its columns to the left end."""
    prompts = readable(prompts)
    empty = (prompts < 0).sum(dim=1, keepdim=True)
    columns = torch.arange(prompts.shape[1], device=prompts.device)
    return prompts.gather(1, (columns + empty) % prompts.shape[1])


def _positions(mask: Tensor) -> Tensor:
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def _hidden(output: Any) -> Tensor:
    hidden: Tensor = output.last_hidden_state
    return hidden
