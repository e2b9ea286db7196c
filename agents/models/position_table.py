"""Positions of their own for the rows of a decoder that counts columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from agents.models.column import Column


class PositionTable:
    """Gives rows of a decoder positions of their own, where it would take all from the length of its cache.

    Args:
        decoder: Has a module ``embed_positions``, as that of BART; without one, as that of T5, nothing is to be done.
    """

    def __init__(self, decoder: Any) -> None:
        self._column: Column | None = None
        module = getattr(decoder, "embed_positions", None)
        if module is not None:
            module.register_forward_pre_hook(self._from_the_first, with_kwargs=True)
            module.register_forward_hook(self._replaced)

    @contextmanager
    def places(self, column: Column) -> Iterator[None]:
        """Within, the decoder reads tokens at their rows' positions, where these differ."""
        self._column = column if column.reach else None
        try:
            yield
        finally:
            self._column = None

    def _from_the_first(self, module: Any, arguments: Any, named: Any) -> tuple[Any, Any] | None:
        """Let the module count from 0: the cache is longer than any of its rows, and longer than the table may be."""
        if self._column is None:
            return None
        given = {name: value for name, value in named.items() if name != "position_ids"}
        return tuple(map(_zero, arguments)), {name: _zero(value) for name, value in given.items()}

    def _replaced(self, module: Any, arguments: tuple[Any, ...], output: Tensor) -> Tensor | None:
        column = self._column
        if column is None:
            return None
        one_row = (1, column.reach)
        ids = arguments[0].new_zeros(one_row) if isinstance(arguments[0], Tensor) else torch.Size(one_row)
        table: Tensor = module.forward(ids, 0)  # the module itself, not this hook again
        return table.reshape(column.reach, -1)[column.positions][:, None]


def _zero(argument: Any) -> Any:
    """Return 0 for the number of tokens that were read before, and all else as it is."""
    return 0 if isinstance(argument, int) else argument
