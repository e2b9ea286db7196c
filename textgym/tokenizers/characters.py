"""Characters of a stated alphabet as tokens: the smallest action spaces."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from textgym.errors import ConfigError
from textgym.tokenizers.base import PieceTokenizer, well_formed


class CharTokenizer(PieceTokenizer):
    """One id per character of the alphabet in the given order, then ``<eos>``, ``<sep>`` and ``<unk>``.

    The round trip is exact for text over the alphabet; any other character becomes ``<unk>``, which decodes to nothing.

    >>> CharTokenizer("abc").encode("cab")
    [2, 0, 1]

    Args:
        alphabet: The characters; one that comes twice counts once.

    Raises:
        ConfigError: The alphabet is empty or holds a lone surrogate.
    """

    kind = "char"

    def __init__(self, alphabet: str) -> None:
        if not isinstance(alphabet, str) or not alphabet or well_formed(alphabet) != alphabet:
            raise ConfigError(f"An alphabet is a string of at least one valid character, got {alphabet!r}.")
        self.alphabet = "".join(dict.fromkeys(alphabet))
        self._ids = {character: i for i, character in enumerate(self.alphabet)}
        super().__init__((character.encode() for character in self.alphabet), unknown=True)

    def encode(self, text: str) -> list[int]:
        """Return one id per character."""
        assert self.unk_id is not None
        return list(map(self._ids.get, text, repeat(self.unk_id)))

    def to_json(self) -> dict[str, Any]:
        """Return the kind and the alphabet."""
        return {"kind": self.kind, "alphabet": self.alphabet}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> CharTokenizer:
        """Return the tokenizer that :meth:`to_json` described."""
        return cls(values["alphabet"])
