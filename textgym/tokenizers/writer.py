"""Text that is written token by token."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Protocol


class Writer(Protocol):
    """Ids one after the other; made by a tokenizer's ``writer()``, where it has a faster way than decoding anew."""

    def write(self, token: int) -> str:
        """Append an id; return the text of all ids so far, equal to that of the tokenizer's ``decode``."""


class BytesWriter:
    """Joins pieces of UTF-8 text; a character that was cut shows as U+FFFD until it is complete.

    Args:
        pieces: The bytes of each id; other ids stand for nothing.
        texts: The text of each id whose bytes are complete characters.
    """

    __slots__ = ("_cut", "_pieces", "_text", "_texts")

    def __init__(self, pieces: Mapping[int, bytes], texts: Mapping[int, str]) -> None:
        self._pieces, self._texts = pieces, texts
        self._text, self._cut = "", b""

    def write(self, token: int) -> str:
        """Append an id; return the text so far."""
        text = None if self._cut else self._texts.get(token)
        if text is not None:
            self._text += text
            return self._text
        data = self._cut + self._pieces.get(token, b"")
        text, length = codecs.utf_8_decode(data, "replace", False)
        self._text += text
        self._cut = data[length:]
        return self._text + self._cut.decode("utf-8", "replace") if self._cut else self._text


class DecodingWriter:
    """Decodes all ids each time: for tokenizers of which nothing more is known.

    Args:
        tokenizer: Any tokenizer.
    """

    __slots__ = ("_ids", "_tokenizer")

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []

    def write(self, token: int) -> str:
        """Append an id; return the text so far."""
        self._ids.append(token)
        return str(self._tokenizer.decode(self._ids))


def start_writer(tokenizer: Any) -> Writer:
    """Return a writer of a tokenizer's text."""
    make = getattr(tokenizer, "writer", None)
    writer: Writer = make() if make else DecodingWriter(tokenizer)
    return writer
