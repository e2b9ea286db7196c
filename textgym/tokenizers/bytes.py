"""Bytes as tokens: no vocabulary to learn, no text that cannot be written."""

from __future__ import annotations

from typing import Any

from textgym.tokenizers.base import PieceTokenizer, well_formed


class ByteTokenizer(PieceTokenizer):
    """The 256 bytes of UTF-8, then ``<eos>`` 256 and ``<sep>`` 257; the round trip is exact for any text.

    >>> ByteTokenizer().encode("Hi")
    [72, 105]
    """

    kind = "byte"

    def __init__(self) -> None:
        super().__init__(bytes([value]) for value in range(256))

    def encode(self, text: str) -> list[int]:
        """Return the UTF-8 bytes of the text; a lone surrogate counts as U+FFFD."""
        return list(well_formed(text).encode())

    def to_json(self) -> dict[str, Any]:
        """Return the kind; there is nothing else to tell."""
        return {"kind": self.kind}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ByteTokenizer:
        """Return the byte tokenizer."""
        return cls()
