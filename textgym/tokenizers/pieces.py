"""The bytes that each token adds to a text, for whoever must know a text's end without decoding it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from textgym.errors import ConfigError

SPACE = "▁"  # SentencePiece's letter for a space
BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Pieces(NamedTuple):
    """UTF-8 bytes by token id; ids that decode to nothing have none.

    Attributes:
        glued: What an id adds at the start of a text, and after an id that opens.
        spaced: What it adds elsewhere; the same object where the place makes no difference.
        opens: Ids after which the next one is glued.
    """

    glued: Sequence[bytes]
    spaced: Sequence[bytes]
    opens: frozenset[int] = frozenset()


def byte_letters() -> list[str]:
    """Return the printable letter that stands for each of the 256 bytes (GPT-2, ``bytes_to_unicode``)."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = (value for value in range(256) if value not in printable)
    moved = {value: 256 + i for i, value in enumerate(others)}
    return [chr(moved.get(value, value)) for value in range(256)]


def pieces_of(tokenizer: Any) -> Pieces:
    """Return the pieces of a tokenizer that can tell them.

    Raises:
        ConfigError: It cannot.
    """
    if not hasattr(tokenizer, "pieces"):
        raise ConfigError(
            f"Stop strings need a tokenizer that can tell the bytes of its tokens, and {tokenizer.signature} has no "
            "method pieces(): use one of textgym's, or a Hugging Face one that works on bytes."
        )
    pieces: Pieces = tokenizer.pieces()
    return pieces


def pieces_of_content(content: dict[str, Any], tokens: Sequence[str]) -> Pieces:
    """Return the pieces of a tokenizer of the ``tokenizers`` library.

    Args:
        content: Of its ``tokenizer.json``.
        tokens: The token of each id; empty for ids that decode to nothing.

    Raises:
        ConfigError: Its decoder does more than to write the tokens one after the other.
    """
    decoder = content.get("decoder") or {}
    steps = decoder.get("decoders", [decoder])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"]:
        letters = {letter: value for value, letter in enumerate(byte_letters())}
        spelled = [_bytes_of_letters(token, letters) for token in tokens]
        return Pieces(spelled, spelled)
    if not set(kinds) <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"} or not all(map(_is_plain, steps)):
        raise ConfigError(
            f"Stop strings are not known for a tokenizer that decodes by {kinds}: use one that works on bytes."
        )
    written = [_bytes_of_text(token, "ByteFallback" in kinds) for token in tokens]
    if "Strip" in kinds:
        return Pieces([piece.removeprefix(b" ") for piece in written], written)
    if any(step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never" for step in steps):
        return Pieces([token.replace(SPACE, "").encode() for token in tokens], written)
    return Pieces(written, written)


def _is_plain(step: dict[str, Any]) -> bool:
    """Whether a step of decoding is one of those by which SentencePiece's tokens become text."""
    known: dict[str, dict[str, Any]] = {
        "Replace": {"pattern": {"String": SPACE}, "content": " "},
        "Strip": {"content": " ", "start": 1, "stop": 0},
        "Metaspace": {"replacement": SPACE},
    }
    return all(step.get(key) == value for key, value in known.get(step["type"], {}).items())


def _bytes_of_letters(token: str, letters: dict[str, int]) -> bytes:
    known = [letters.get(letter, -1) for letter in token]
    return token.encode() if -1 in known else bytes(known)  # added tokens are written as they are


def _bytes_of_text(token: str, fallback: bool) -> bytes:
    byte = BYTE.fullmatch(token) if fallback else None
    return bytes([int(byte[1], 16)]) if byte else token.replace(SPACE, " ").encode()
