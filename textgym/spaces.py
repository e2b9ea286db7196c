"""The observation space of a text: a Box of token ids that knows where the prompt ends and what may come next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium import spaces

from textgym.core import BoolArray, IntArray
from textgym.errors import ConfigError
from textgym.stopping import StopRule

EMPTY = -1  # marks a column that holds no token


class TokenSpace(spaces.Box):
    """Token ids of a prompt and of what was written after it, int32 [P + T], -1 where empty.

    Columns ``[0, P)`` hold the prompt pushed to the right end (padded on the left); columns ``[P, P + T)`` hold the
    response, padded on the right. So ``observation >= 0`` is the mask, and no token is ever mistaken for padding.

    Args:
        vocab_size: V, the number of token ids.
        max_prompt_tokens: P.
        max_new_tokens: T.
        eos_id: The id that ends a response; None when only the length does.
        min_new_tokens: The eos is not allowed before this many tokens were written.
        banned_tokens: Ids that are never allowed.
        stop: Which tokens complete a stop string, and so end a response as the eos does.
        turn_id: In a dialogue, the id that ends what the other one says; see :meth:`turn_lengths`.
        seed: For :meth:`sample`.
    """

    def __init__(
        self,
        vocab_size: int,
        max_prompt_tokens: int,
        max_new_tokens: int,
        eos_id: int | None,
        min_new_tokens: int = 0,
        banned_tokens: Iterable[int] = (),
        stop: StopRule | None = None,
        turn_id: int | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.vocab_size = int(vocab_size)
        self.max_prompt_tokens = int(max_prompt_tokens)
        self.max_new_tokens = int(max_new_tokens)
        self.eos_id = None if eos_id is None else int(eos_id)
        self.min_new_tokens = int(min_new_tokens)
        self.banned_tokens = tuple(sorted({int(i) for i in banned_tokens}))
        self.stop = StopRule() if stop is None else stop
        self.turn_id = None if turn_id is None else int(turn_id)
        self._check()
        super().__init__(-1, self.vocab_size - 1, (self.max_prompt_tokens + self.max_new_tokens,), np.int32, seed)

    def _check(self) -> None:
        for name in ("vocab_size", "max_prompt_tokens", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.min_new_tokens <= self.max_new_tokens:
            raise ConfigError(
                f"min_new_tokens must lie in [0, max_new_tokens={self.max_new_tokens}], got {self.min_new_tokens}."
            )
        ids = [*self.banned_tokens, *(i for i in (self.eos_id, self.turn_id) if i is not None)]
        outside = [i for i in ids if not 0 <= i < self.vocab_size]
        if outside:
            raise ConfigError(f"eos_id and banned_tokens must lie in [0, {self.vocab_size}), got {outside}.")
        if self.stop and self.stop.table.shape[1] != self.vocab_size:
            raise ConfigError(f"The stop rule knows {self.stop.table.shape[1]} ids, the space {self.vocab_size}.")
        if not self.allowed(np.array([0, self.max_new_tokens])).any(axis=1).all():
            raise ConfigError("banned_tokens and min_new_tokens leave no token that may be written: allow one.")

    def allowed(self, lengths: IntArray) -> BoolArray:
        """Return which ids may come next, bool [B, V], after ``lengths`` tokens [B] of the response were written.

        In a dialogue these are the tokens of the present turn, as :meth:`turn_lengths` counts them.
        """
        mask = np.ones((len(lengths), self.vocab_size), dtype=bool)
        mask[:, list(self.banned_tokens)] = False
        if self.eos_id is not None and self.min_new_tokens:
            mask[np.asarray(lengths) < self.min_new_tokens, self.eos_id] = False
        return mask

    def turn_lengths(self, observations: IntArray) -> IntArray:
        """Return how many tokens of its present turn the agent has written, int64 [B], for observations [B, P + T].

        In a dialogue these are the tokens after the last ``turn_id`` that stands behind the prompt; elsewhere all.
        """
        written = observations[:, self.max_prompt_tokens :]
        lengths: IntArray = (written >= 0).sum(axis=1)
        if self.turn_id is None:
            return lengths
        marks = np.where(written == self.turn_id, np.arange(1, written.shape[1] + 1), 0)
        return np.asarray(lengths - marks.max(axis=1))

    def sample(self, mask: None = None, probability: None = None) -> IntArray:
        """Return a valid observation: some prompt on the right end of its columns, some of a response after it."""
        if mask is not None or probability is not None:
            raise ConfigError("TokenSpace.sample takes no mask and no probability.")
        row = np.full(self.shape, EMPTY, dtype=np.int32)
        prompt = int(self.np_random.integers(1, self.max_prompt_tokens + 1))
        response = int(self.np_random.integers(0, self.max_new_tokens))
        P = self.max_prompt_tokens
        row[P - prompt : P + response] = self.np_random.integers(0, self.vocab_size, prompt + response)
        return row

    def to_json(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        names = ("vocab_size", "max_prompt_tokens", "max_new_tokens", "eos_id", "min_new_tokens")
        values = {name: getattr(self, name) for name in names} | {"banned_tokens": list(self.banned_tokens)}
        values |= {} if self.turn_id is None else {"turn_id": self.turn_id}
        return values | ({"stop": self.stop.to_json()} if self.stop else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TokenSpace:
        """Return the space that :meth:`to_json` described."""
        stop = {"stop": StopRule.from_json(values["stop"])} if "stop" in values else {}
        return cls(**(values | stop))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenSpace) and self.to_json() == other.to_json()

    def __repr__(self) -> str:
        told = self.to_json() | ({"stop": list(self.stop.strings)} if self.stop else {})
        return f"TokenSpace({', '.join(f'{k}={v!r}' for k, v in told.items())})"
