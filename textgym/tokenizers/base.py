"""What every tokenizer gives, and the base of the library's own: ids that stand for pieces of text."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar, Protocol, runtime_checkable

from textgym.errors import ConfigError
from textgym.tokenizers.pieces import Pieces
from textgym.tokenizers.writer import BytesWriter, Writer

Ids = Sequence[int]


@runtime_checkable
class Tokenizer(Protocol):
    """Text to ids and back. Tokenizers never change, so copies of environments share one."""

    @property
    def vocab_size(self) -> int:
        """V: every id lies in [0, V)."""

    @property
    def eos_id(self) -> int | None:
        """The id that ends a response; None when only the length does."""

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Ids that a response must not contain (separator, unknown, pad); the eos is not among them."""

    @property
    def signature(self) -> str:
        """A line that tells the kind, the size and a hash of the content."""

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a prompt, with the marks that the model expects around it."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a response's text: no eos, and no special id but for what the vocabulary lacks."""

    def decode(self, ids: Ids) -> str:
        """Return the text of ids, specials and eos dropped; any int is accepted, cut UTF-8 is shown as U+FFFD."""

    def decode_batch(self, batch: Sequence[Ids]) -> list[str]:
        """Return the text of each row of ids."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which ``tokenizer_from_json`` builds an equal tokenizer."""


class PieceTokenizer(ABC):
    """The base of the library's own tokenizers: id i stands for a piece of UTF-8 text.

    The pieces take the ids from 0; ``<eos>``, ``<sep>`` and, where asked for, ``<unk>`` follow. The prompt ends with
    ``<sep>``, so that a decoder-only model knows where its response begins. No text can spell a special id.

    Args:
        pieces: The UTF-8 bytes of each id, in order.
        unknown: Whether an ``<unk>`` is needed for text that no piece covers.
    """

    kind: ClassVar[str]

    def __init__(self, pieces: Iterable[bytes], *, unknown: bool = False) -> None:
        self._pieces = dict(enumerate(pieces))
        self.eos_id = len(self._pieces)
        self.sep_id = self.eos_id + 1
        self.unk_id = self.eos_id + 2 if unknown else None
        self.special_ids = (self.sep_id,) if self.unk_id is None else (self.sep_id, self.unk_id)
        self.vocab_size = self.eos_id + 1 + len(self.special_ids)

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of a response's text: no separator, no eos."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which ``tokenizer_from_json`` builds an equal tokenizer."""

    @classmethod
    @abstractmethod
    def from_json(cls, values: dict[str, Any]) -> PieceTokenizer:
        """Return the tokenizer that :meth:`to_json` described."""

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a prompt, the separator last."""
        return [*self.encode(text), self.sep_id]

    def decode(self, ids: Ids) -> str:
        """Return the text of ids; specials, eos and ids outside the vocabulary are dropped."""
        return b"".join(map(self._pieces.get, plain(ids), repeat(b""))).decode("utf-8", "replace")

    def decode_batch(self, batch: Sequence[Ids]) -> list[str]:
        """Return the text of each row of ids."""
        return [self.decode(ids) for ids in batch]

    def pieces(self) -> Pieces:
        """Return the bytes that each id adds to a text."""
        spelled = [self._pieces.get(i, b"") for i in range(self.vocab_size)]
        return Pieces(spelled, spelled)

    def writer(self) -> Writer:
        """Return a writer whose text equals what :meth:`decode` gives for its ids."""
        return BytesWriter(self._pieces, self._texts)

    @cached_property
    def _texts(self) -> dict[int, str]:
        """The text of each id that stands for complete characters."""
        shown = {i: piece.decode("utf-8", "replace") for i, piece in self._pieces.items()}
        return {i: text for i, text in shown.items() if text.encode() == self._pieces[i]}

    @cached_property
    def signature(self) -> str:
        """A line that tells the kind, the size and a hash of the content."""
        return signature(self.to_json(), self.vocab_size)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.signature == self.signature  # which holds a hash of the content

    def __hash__(self) -> int:
        return hash(self.signature)

    def __deepcopy__(self, memo: dict[int, Any]) -> PieceTokenizer:
        return self  # never changes, and gym.make copies the arguments of every environment

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.signature})"


def signature(values: dict[str, Any], vocab_size: int) -> str:
    """Return ``kind|vocab:V|sha256:...`` of a tokenizer's JSON values."""
    content = json.dumps(values, sort_keys=True, ensure_ascii=True).encode()
    return f"{values['kind']}|vocab:{vocab_size}|sha256:{hashlib.sha256(content).hexdigest()[:12]}"


def plain(ids: Ids) -> Ids:
    """Return ids as Python ints where they come as an array: looking up numpy integers is several times slower."""
    return ids.tolist() if hasattr(ids, "tolist") else ids


def well_formed(text: str) -> str:
    r"""Return text that UTF-8 can hold: surrogate pairs joined, lone surrogates replaced by U+FFFD.

    JSON files may hold both (``"\ud83d"``), and no encoder accepts them.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def strings(values: object, what: str) -> list[str]:
    """Return ``values`` when they are a list of strings.

    Raises:
        ConfigError: They are something else; ``what`` names them.
    """
    if isinstance(values, (list, tuple)) and all(isinstance(value, str) for value in values):
        return list(values)
    raise ConfigError(f"{what} must be a list of strings, got {str(values)[:80]!r}.")
