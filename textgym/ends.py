"""Which ids are refused, and when, why and at what cost a response ends."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from textgym.arguments import choice, real_number, whole_numbers
from textgym.core import BoolArray, FloatArray, IntArray
from textgym.errors import ConfigError
from textgym.spaces import EMPTY, TokenSpace


class Ends:
    """The end of responses, one or many at once.

    Args:
        space: The observation space, which knows P, T, V, eos, stop strings and what is allowed.
        on_length: "terminate" or "truncate": what a response of T tokens does that has not ended by itself.
        missing_eos_penalty: What such a response costs.

    Attributes:
        eos: The id that ends a response, -1 where only a stop string or the length does.
    """

    def __init__(self, space: TokenSpace, on_length: str, missing_eos_penalty: float) -> None:
        self.space = space
        self.on_length = choice("on_length", on_length, ("terminate", "truncate"))
        self.missing_eos_penalty = real_number("missing_eos_penalty", missing_eos_penalty)
        self.eos = EMPTY if space.eos_id is None else space.eos_id  # no token equals EMPTY
        self._is_banned = np.zeros(space.vocab_size, dtype=bool)
        self._is_banned[list(space.banned_tokens)] = True
        if not 0.0 <= self.missing_eos_penalty < np.inf:
            raise ConfigError(f"missing_eos_penalty is a cost, so at least 0, got {self.missing_eos_penalty}.")
        if self.missing_eos_penalty and space.eos_id is None and not space.stop:
            raise ConfigError(
                f"missing_eos_penalty={self.missing_eos_penalty} would punish every response, as stop_at_eos=False: "
                "drop one of them."
            )

    def checked_tokens(self, tokens: Iterable[int]) -> list[int]:
        """Return the tokens of a response that may still go on, or that just ended, as a list."""
        ids = whole_numbers("tokens", tokens)
        if len(ids) > self.space.max_new_tokens or not all(0 <= i < self.space.vocab_size for i in ids):
            raise ConfigError(
                f"A response has at most {self.space.max_new_tokens} ids in [0, {self.space.vocab_size}), got {ids}."
            )
        stopped = bool(self.space.stop.has_stopped(self.space.stop.follow(ids[:-1])))
        if self.eos in ids[:-1] or stopped:
            raise ConfigError(f"A response has no eos ({self.eos}) or stop string before its last id, got {ids}.")
        return ids

    def unfinished(self, last: IntArray | int, matched: IntArray | int) -> FloatArray:
        """Return what finished responses pay for not ending by themselves, float64; see :meth:`finish`."""
        said = np.asarray(self._said(last, matched))
        return np.asarray(self.missing_eos_penalty * ~said, np.float64)

    def refused(self, tokens: IntArray | int, lengths: IntArray | int) -> BoolArray:
        """Return where ``tokens`` are not among ``space.allowed(lengths)``, bool, without building that mask.

        Args:
            tokens: Ids in [0, V), any shape.
            lengths: How many tokens each response had before, of a shape that broadcasts.
        """
        early_eos = (tokens == self.eos) & (lengths < self.space.min_new_tokens)
        return np.asarray(self._is_banned[tokens] | early_eos)

    def ends(self, tokens: IntArray | int, matched: IntArray | int, lengths: IntArray | int) -> BoolArray:
        """Return where a response is finished, bool.

        Args:
            tokens: The last id of each response.
            matched: The state of the space's stop rule after it.
            lengths: How many tokens it has.
        """
        return np.asarray(self._said(tokens, matched) | (lengths >= self.space.max_new_tokens))

    def terminates(self, tokens: IntArray | int, matched: IntArray | int) -> BoolArray:
        """Return which finished responses terminate, bool; the others are truncated. Arguments as for :meth:`ends`."""
        return np.asarray(self._said(tokens, matched) | (self.on_length == "terminate"))

    def _said(self, tokens: IntArray | int, matched: IntArray | int) -> BoolArray | bool:
        """Return where a response ends by itself; a single one's is asked at every step, so plain numbers stay such."""
        eos = tokens == self.eos
        return eos | self.space.stop.has_stopped(matched) if self.space.stop else eos

    def finish(self, token: int, matched: int) -> str:
        """Return why a response ended: "eos", "stop" (a stop string) or "length"."""
        if token == self.eos:
            return "eos"
        return "stop" if self.space.stop.has_stopped(matched) else "length"
