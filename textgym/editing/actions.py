"""Edits as actions: three numbers, or one number for each edit that there can be."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import InvalidAction

from textgym.arguments import action_array
from textgym.core import BoolArray, IntArray
from textgym.editing.space import DELETE, INSERT, KINDS, REPLACE, STOP, Edits, EditSpace


class EditActions:
    """How edits are written as actions.

    By default an action is ``[kind, position, token]`` of ``MultiDiscrete([4, N, V])``. Flat it is one number: 0 stops;
    then come, for each kind that is legal at all, N * V insertions and N * V replacements, by position and token, and N
    deletions.

    Args:
        space: The observation space.
        flat: Whether an action is one number.
    """

    def __init__(self, space: EditSpace, flat: bool = False) -> None:
        self.edit_space = space
        self.flat = flat
        N, V = space.max_draft_tokens, space.vocab_size
        sizes = [1, N * V, N * V, N] * space.is_kind
        self._starts = np.concatenate([[0], np.cumsum(sizes)])  # of each kind, and the end
        self.space: spaces.Space[Any] = spaces.MultiDiscrete([len(KINDS), N, V])
        if flat:
            self.space = spaces.Discrete(int(self._starts[-1]))

    def read_one(self, action: Any) -> tuple[int, int, int]:
        """Return kind, position and token of an action.

        Raises:
            InvalidAction: It is not in the action space.
        """
        if not self.flat:
            return self._read_three(action)
        try:
            number = -1 if isinstance(action, (bool, np.bool_)) else operator.index(action)
        except TypeError:
            number = -1
        if not 0 <= number < self._starts[-1]:
            raise InvalidAction(f"{self._told()}, got {action!r}.")
        kinds, positions, tokens = self._of_numbers(np.array([number]))
        return int(kinds[0]), int(positions[0]), int(tokens[0])

    def _read_three(self, action: Any) -> tuple[int, int, int]:
        array = action_array(action)
        if array.shape == (3,) and array.dtype.kind in "iu":
            kind, position, token = array.tolist()
            kinds, N, V = self._sizes
            if 0 <= kind < kinds and 0 <= position < N and 0 <= token < V:
                return kind, position, token
        raise InvalidAction(f"{self._told()}, got {action!r}.")

    def read(self, actions: Any, lanes: IntArray, count: int) -> Edits:
        """Return the edits of ``lanes`` out of the actions of ``count`` lanes; the others may be anything.

        Raises:
            InvalidAction: They are no whole numbers of the action space's shape, or one of ``lanes`` lies outside.
        """
        array = action_array(actions)
        shape = (count,) if self.flat else (count, 3)
        if array.shape != shape or array.dtype.kind not in "iu":
            raise InvalidAction(f"Actions must be whole numbers of shape {shape}, got {array.dtype} of {array.shape}.")
        sizes = self._starts[-1] if self.flat else self._sizes
        chosen = array[lanes]
        beyond = chosen.astype(np.uint64) >= np.asarray(sizes, np.uint64)  # a negative number wraps to a huge one
        outside = np.asarray(beyond).reshape(len(lanes), 1 if self.flat else 3).any(axis=1)
        if outside.any():
            lane = int(lanes[outside][0])
            raise InvalidAction(f"{self._told()}, got {array[lane].tolist()} in lane {lane}.")
        return self._of_numbers(chosen) if self.flat else Edits(*chosen.astype(np.int64).T)

    def write(self, edits: Edits) -> npt.NDArray[np.int64]:
        """Return actions, int64 [B, 3] or flat [B], whose meaningless numbers are 0."""
        kinds = np.asarray(edits.kinds, np.int64)
        positions = np.where(kinds == STOP, 0, edits.positions).astype(np.int64)
        tokens = np.where((kinds == STOP) | (kinds == DELETE), 0, edits.tokens).astype(np.int64)
        if not self.flat:
            return np.stack([kinds, positions, tokens], axis=1)
        width = np.where(kinds == DELETE, 1, self.edit_space.vocab_size)
        return np.asarray(self._starts[kinds] + positions * width + tokens, np.int64)

    def masks(self, observations: npt.NDArray[np.int32]) -> BoolArray:
        """Return which actions are legal in observations [B, P + N + 1].

        Flat, bool [B, n], it is exact. Otherwise, bool [B, 4 + N + V], it tells of each number apart whether some
        legal edit has it; three that are each allowed may still be no legal edit together.
        """
        space = self.edit_space
        drafts, lengths = space.drafts(observations)
        positions = space.legal_positions(drafts, lengths)
        if not self.flat:
            edited = np.asarray(positions[:, INSERT:].any(axis=1))
            edited[:, 0] |= ~edited.any(axis=1)  # a stop, which is always legal, has some position too
            tokens = np.broadcast_to(space.is_written, (len(drafts), space.vocab_size))
            return np.concatenate([positions.any(axis=2), edited, tokens], axis=1)
        written = positions[:, :, :, None] & space.is_written
        rows, columns = np.nonzero(positions[:, REPLACE])
        written[rows, REPLACE, columns, drafts[rows, columns]] = False
        parts = [positions[:, STOP, :1], written[:, INSERT], written[:, REPLACE], positions[:, DELETE]]
        legal = [part.reshape(len(drafts), -1) for part, kind in zip(parts, space.is_kind, strict=True) if kind]
        return np.concatenate(legal, axis=1)

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return len(KINDS), self.edit_space.max_draft_tokens, self.edit_space.vocab_size

    def _of_numbers(self, numbers: IntArray) -> Edits:
        kinds = np.searchsorted(self._starts, numbers, side="right") - 1
        rest = numbers - self._starts[kinds]
        V = self.edit_space.vocab_size
        deletes = kinds == DELETE
        return Edits(kinds, np.where(deletes, rest, rest // V), np.where(deletes, 0, rest % V))

    def _told(self) -> str:
        if self.flat:
            return f"A flat edit is a whole number in [0, {self._starts[-1]})"
        kinds, N, V = self._sizes
        return f"An edit is three whole numbers: a kind in [0, {kinds}), a position in [0, {N}), a token in [0, {V})"
