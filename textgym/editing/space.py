"""The observation space of an editing episode, which knows what each edit does and which are legal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from textgym.core import BoolArray, IntArray
from textgym.errors import ConfigError, did_you_mean
from textgym.spaces import EMPTY, TokenSpace

STOP, INSERT, REPLACE, DELETE = range(4)
KINDS = ("stop", "insert", "replace", "delete")  # by their number
Drafts = npt.NDArray[np.int32]


class Edits(NamedTuple):
    """Edits of B drafts, int [B] each; positions mean nothing to a stop, tokens to a stop and a deletion.

    Attributes:
        kinds: STOP, INSERT, REPLACE or DELETE.
        positions: From 0; an insertion makes its token the one at this position.
        tokens: What is inserted, or put in place of another.
    """

    kinds: IntArray
    positions: IntArray
    tokens: IntArray

    def rows(self, rows: IntArray | BoolArray) -> Edits:
        """Return the edits of some rows."""
        return Edits(self.kinds[rows], self.positions[rows], self.tokens[rows])


class EditSpace(TokenSpace):
    """Token ids of a prompt and of a draft, and how many edits are left, int32 [P + N + 1], -1 where empty.

    Columns ``[0, P)`` hold the prompt pushed to the right end, ``[P, P + N)`` the draft from the left, as a
    ``TokenSpace`` with T = N holds a response. The last column counts the steps that remain before the limit ends the
    episode: without it, equal observations would have different values.

    Legal are: a stop; an insertion at a position up to the draft's length, while that is below N; a replacement by
    another token and a deletion at a position below the length. What is written must not be banned. So every legal
    edit but a stop changes the draft.

    Args:
        vocab_size: V, the number of token ids.
        max_prompt_tokens: P.
        max_draft_tokens: N.
        max_edits: The most steps of an episode.
        banned_tokens: Ids that are never written.
        kinds: The kinds of edits that are legal at all, beside a stop.
        seed: For :meth:`sample`.
    """

    def __init__(
        self,
        vocab_size: int,
        max_prompt_tokens: int,
        max_draft_tokens: int,
        max_edits: int,
        banned_tokens: Iterable[int] = (),
        kinds: Iterable[str] = KINDS[1:],
        seed: int | np.random.Generator | None = None,
    ) -> None:
        for name, value in (("max_draft_tokens", max_draft_tokens), ("max_edits", max_edits)):
            if value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}.")
        super().__init__(vocab_size, max_prompt_tokens, max_draft_tokens, None, 0, banned_tokens)
        self.max_draft_tokens = self.max_new_tokens
        self.max_edits = int(max_edits)
        self.kinds = checked_kinds(kinds)
        self.is_kind = np.array([kind == KINDS[STOP] or kind in self.kinds for kind in KINDS])  # bool [4]
        self.is_written = np.ones(self.vocab_size, dtype=bool)  # bool [V], which ids may be written
        self.is_written[list(self.banned_tokens)] = False
        tokens = self.max_prompt_tokens + self.max_draft_tokens
        low, high = np.full((2, tokens + 1), EMPTY, dtype=np.int32)
        low[-1], high[:-1], high[-1] = 0, self.vocab_size - 1, self.max_edits
        spaces.Box.__init__(self, low, high, dtype=np.int32, seed=seed)  # one column more than a TokenSpace

    def drafts(self, observations: npt.NDArray[np.int32]) -> tuple[Drafts, IntArray]:
        """Return the drafts int32 [B, N] in observations [B, P + N + 1], and their lengths, int64 [B]."""
        drafts = observations[:, self.max_prompt_tokens : -1]
        return drafts, (drafts != EMPTY).sum(axis=1)

    def is_legal(self, drafts: Drafts, lengths: IntArray, edits: Edits) -> BoolArray:
        """Return which edits are legal, bool [B].

        Args:
            drafts: int32 [B, N].
            lengths: int64 [B].
            edits: Of B rows, within the action space.
        """
        kinds, positions, tokens = edits
        current = drafts[np.arange(len(drafts)), positions]
        written = self.is_written[tokens]
        inside = positions < lengths
        insertable = (positions <= lengths) & (lengths < self.max_draft_tokens) & written
        replaceable = inside & written & (tokens != current)
        choices = [np.ones_like(inside), insertable, replaceable, inside]
        return np.asarray(self.is_kind[kinds] & np.choose(kinds, choices))

    def apply(self, drafts: Drafts, lengths: IntArray, edits: Edits) -> tuple[Drafts, IntArray]:
        """Return the drafts int32 [B, N] and lengths [B] after legal edits; arguments as for :meth:`is_legal`."""
        kinds, positions = edits.kinds[:, None], edits.positions[:, None]
        columns = np.arange(self.max_draft_tokens)
        source = columns - ((kinds == INSERT) & (columns > positions)) + ((kinds == DELETE) & (columns >= positions))
        padded = np.pad(drafts, ((0, 0), (0, 1)), constant_values=EMPTY)
        after: Drafts = np.take_along_axis(padded, source, axis=1)
        writing = np.flatnonzero((edits.kinds == INSERT) | (edits.kinds == REPLACE))
        after[writing, edits.positions[writing]] = edits.tokens[writing]
        return after, lengths + (edits.kinds == INSERT) - (edits.kinds == DELETE)

    def legal_positions(self, drafts: Drafts, lengths: IntArray) -> BoolArray:
        """Return where an edit of each kind has a legal token, bool [B, 4, N]; a stop has its place at 0."""
        columns, n = np.arange(self.max_draft_tokens), lengths[:, None]
        inside = columns < n
        others = self.is_written.sum() - (self.is_written[drafts] & inside)  # what may stand here instead
        legal = np.zeros((len(drafts), len(KINDS), self.max_draft_tokens), dtype=bool)
        legal[:, STOP, 0] = True
        legal[:, INSERT] = (columns <= n) & (n < self.max_draft_tokens)
        legal[:, REPLACE] = inside & (others > 0)
        legal[:, DELETE] = inside
        return np.asarray(legal & self.is_kind[:, None])

    def sample(self, mask: None = None, probability: None = None) -> IntArray:
        """Return a valid observation: some prompt, some draft, possibly empty, and at least one edit left."""
        if mask is not None or probability is not None:
            raise ConfigError("EditSpace.sample takes no mask and no probability.")
        row = np.full(self.shape, EMPTY, dtype=np.int32)
        prompt = int(self.np_random.integers(1, self.max_prompt_tokens + 1))
        draft = int(self.np_random.integers(0, self.max_draft_tokens + 1))
        P = self.max_prompt_tokens
        row[P - prompt : P + draft] = self.np_random.integers(0, self.vocab_size, prompt + draft)
        row[-1] = self.np_random.integers(1, self.max_edits + 1)
        return row

    def to_json(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        names = ("vocab_size", "max_prompt_tokens", "max_draft_tokens", "max_edits")
        lists = {"banned_tokens": list(self.banned_tokens), "kinds": list(self.kinds)}
        return {name: getattr(self, name) for name in names} | lists

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EditSpace:
        """Return the space that :meth:`to_json` described."""
        return cls(**values)

    def __repr__(self) -> str:
        return f"EditSpace({', '.join(f'{name}={value!r}' for name, value in self.to_json().items())})"


def checked_kinds(kinds: Any) -> tuple[str, ...]:
    """Return names of edits in the order of :data:`KINDS`, at least one."""
    if isinstance(kinds, str) or not isinstance(kinds, Iterable):
        raise ConfigError(f"kinds must be a list of {', '.join(KINDS[1:])}, got {kinds!r}.")
    names = list(kinds)
    for name in names:
        if name not in KINDS[1:]:
            raise ConfigError(f"kinds cannot hold {name!r}. {did_you_mean(str(name), KINDS[1:])}")
    if not names:
        raise ConfigError(f"kinds must hold at least one of {', '.join(KINDS[1:])}, got none.")
    return tuple(kind for kind in KINDS if kind in names)
