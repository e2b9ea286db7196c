"""Stop strings: which token completes one, decided by a table over token ids instead of by decoding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from textgym.core import BoolArray, IntArray
from textgym.errors import ConfigError
from textgym.tokenizers.pieces import Pieces, pieces_of

MOST_STATES = 1000  # of a table with one column per token id
Table = npt.NDArray[np.int32]


class StopRule:
    """A machine that reads token ids and knows how far the end of the text matches a stop string.

    Its state, a whole number, is called ``matched``: 0 before the first token, ``stopped`` once the text of the tokens
    contains a stop string. The table is exact for tokenizers whose text is the text of their tokens in a row.

    Args:
        strings: The stop strings; none means that nothing stops.
        table: int32 [stopped + 1, V], the next state for each state and token id.
    """

    def __init__(self, strings: Sequence[str] = (), table: Table | None = None) -> None:
        self.strings = tuple(strings)
        self.table: Table = np.zeros((2, 0), dtype=np.int32) if table is None else table
        self.stopped = len(self.table) - 1

    def __bool__(self) -> bool:
        return bool(self.strings)

    def after(self, matched: IntArray, tokens: IntArray) -> IntArray:
        """Return the states, int, of texts in the states ``matched`` after one more token each, of the same shape."""
        return self.table[matched, tokens] if self.strings else matched

    def along(self, responses: IntArray) -> IntArray:
        """Return the state after each token of responses [N, T], padded on the right with anything; int [N, T]."""
        states: IntArray = np.zeros(responses.shape, dtype=np.int64)
        matched: IntArray = np.zeros(len(responses), dtype=np.int64)
        for k in range(responses.shape[1] if self.strings else 0):
            states[:, k] = matched = self.after(matched, responses[:, k])
        return states

    def follow(self, ids: Iterable[int], matched: int = 0) -> int:
        """Return the state after the given tokens."""
        for token in ids if self.strings else ():
            matched = int(self.table[matched, token])
        return matched

    def has_stopped(self, matched: IntArray | int) -> BoolArray:
        """Return where a stop string is complete, bool."""
        return np.asarray(matched == self.stopped)

    def cut(self, text: str) -> str:
        """Return a text up to the first stop string in it."""
        starts = [start for start in map(text.find, self.strings) if start >= 0]
        return text[: min(starts)] if starts else text

    def to_json(self) -> dict[str, Any]:
        """Return the strings, and of each row of the table what is not as in the first."""
        first = self.table[0]
        rows = [(row, np.flatnonzero(row != (0 if k == 0 else first))) for k, row in enumerate(self.table[:-1])]
        moves = [[ids.tolist(), row[ids].tolist()] for row, ids in rows]
        return {"strings": list(self.strings), "vocab_size": self.table.shape[1], "moves": moves}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StopRule:
        """Return the rule that :meth:`to_json` described."""
        moves = values["moves"]
        table = np.zeros((len(moves) + 1, values["vocab_size"]), dtype=np.int32)
        for k, (ids, states) in enumerate(moves):
            table[k] = table[0]
            table[k, ids] = states
        table[-1] = len(moves)
        return cls(values["strings"], table)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StopRule) or other.strings != self.strings:
            return False
        return np.array_equal(other.table, self.table)

    def __hash__(self) -> int:
        return hash(self.strings)

    def __repr__(self) -> str:
        return f"StopRule({list(self.strings)!r})"


def make_stop_rule(strings: str | Iterable[str], tokenizer: Any) -> StopRule:
    """Return the rule that ends a text at the first of the stop strings.

    A string that spells a special token of the tokenizer stands for that token too, which may then be written.

    Raises:
        ConfigError: They are no strings, or hold nothing that can be written; or the tokenizer's text is not the text
            of its tokens in a row.
    """
    if not isinstance(strings, Iterable):
        raise ConfigError(f"stop must be a text or a list of texts, got {strings!r}.")
    listed = [strings] if isinstance(strings, str) else list(strings)
    for text in listed:
        if not isinstance(text, str) or not text or "\ufffd" in text or not _encodable(text):
            raise ConfigError(f"A stop string is a text of at least one valid character, got {text!r}.")
    if not listed:
        return StopRule()
    listed = list(dict.fromkeys(listed))
    machine = byte_machine([text.encode() for text in listed])
    table = token_table(machine, pieces_of(tokenizer))
    table[:-1, [i for i in special_stops(listed, tokenizer) if i < table.shape[1]]] = len(table) - 1
    return StopRule(listed, table)


def special_stops(strings: Iterable[str], tokenizer: Any) -> list[int]:
    """Return the special ids of the tokenizer that stop strings spell, in the order of the strings."""
    special: dict[str, int] = getattr(tokenizer, "special_texts", {})
    return [special[text] for text in strings if text in special]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def byte_machine(patterns: Sequence[bytes]) -> Table:
    """Return the machine of Aho and Corasick (1975) that finds the first of some patterns, int32 [states, 256].

    A state is the longest end of what was read that begins a pattern; the last state is that a pattern was found.
    """
    beginnings = sorted({pattern[:k] for pattern in patterns for k in range(len(pattern))}, key=lambda b: (len(b), b))
    number = {beginning: state for state, beginning in enumerate(beginnings)}
    found = len(beginnings)
    if found > MOST_STATES:
        raise ConfigError(f"Stop strings may have {MOST_STATES} bytes together, got {found}.")
    machine = np.zeros((found + 1, 256), dtype=np.int32)
    machine[found] = found
    for state, beginning in enumerate(beginnings):
        for byte in set(b"".join(patterns)):
            read = beginning + bytes([byte])
            ends = (read[k:] for k in range(len(read) + 1))
            machine[state, byte] = (
                found if read.endswith(tuple(patterns)) else next(number[e] for e in ends if e in number)
            )
    return machine


def token_table(machine: Table, pieces: Pieces) -> Table:
    """Return the next state for each state and token id, int32 [states, V].

    Where a token's text depends on what it follows, each state but the last comes twice: first for the start of a text
    and after an opening mark, then for elsewhere.
    """
    spaced = _read(machine, pieces.spaced)
    if pieces.glued is pieces.spaced:
        return spaced
    half, found = len(machine) - 1, 2 * (len(machine) - 1)
    opens = np.isin(np.arange(len(pieces.spaced)), list(pieces.opens))
    silent = np.array([not piece for piece in pieces.spaced])
    halves = []
    for offset, table in ((0, _read(machine, pieces.glued)), (half, spaced)):
        moved = np.where(table == half, found, table + np.where(opens, 0, half))
        stay = np.arange(half)[:, None] + offset
        halves.append(np.where(silent, stay, moved[:-1]))
    return np.concatenate([*halves, np.full((1, len(silent)), found)]).astype(np.int32)


def _read(machine: Table, pieces: Sequence[bytes]) -> Table:
    """Return the state that each state [states] leads to when it reads each piece [V], byte by byte for all at once."""
    lengths = np.array([len(piece) for piece in pieces])
    order = np.argsort(-lengths, kind="stable")
    buffer = np.frombuffer(b"".join(pieces), dtype=np.uint8)
    starts = (np.cumsum(lengths) - lengths)[order]
    states = np.repeat(np.arange(len(machine), dtype=np.int32)[:, None], len(pieces), axis=1)
    for k in range(int(lengths.max(initial=0))):
        n = int((lengths > k).sum())  # the longest stand first
        states[:, :n] = machine[states[:, :n], buffer[starts[:n] + k]]
    table = np.empty_like(states)
    table[:, order] = states
    return table
