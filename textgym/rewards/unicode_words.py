"""Words of any script: what ROUGE's tokens would be if its tokenizer knew more than ASCII."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain

from textgym.memo import Memo

WORD_CHARACTERS = 2**20  # of the words that are remembered
UNSPACED = (  # scripts that put no space between words: each of their characters is a word here
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # radicals, Hiragana, Katakana, Bopomofo
    (0x31A0, 0x4DBF),  # extensions of these, ideographs A
    (0x4E00, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF66, 0xFF9D),  # narrow Katakana
    (0x1B000, 0x1B16F),  # further kana
    (0x20000, 0x3FFFF),  # ideographs B and later
)
_JOINERS = "\u200c\u200d"


def unicode_words(text: str) -> list[str]:
    """Return the words of a text in lower case, composed (NFC): runs of letters, digits and the marks on them.

    A character of a script without spaces, and a symbol such as an emoji, is a word by itself, with the marks and
    joiners that follow. Punctuation, controls and ASCII symbols separate words and are dropped, so on ASCII text these
    are ROUGE's own tokens.
    """
    return list(chain.from_iterable(map(_words.__getitem__, text.split())))


def unicode_tokens(text: str) -> list[str]:
    """Return the words as :func:`unicode_words` gives them, and each mark of punctuation as a token of its own."""
    return list(chain.from_iterable(map(_tokens.__getitem__, text.split())))


@lru_cache(maxsize=2**14)
def _kind(character: str) -> str:
    """Return "letter", "single", "mark", "punctuation" or "none"."""
    category = unicodedata.category(character)
    if category[0] == "M" or character in _JOINERS:
        return "mark"
    if category[0] == "P" or category in ("Sm", "Sc", "Sk") or (category == "So" and character.isascii()):
        return "punctuation"
    if category[0] == "Z" or category in ("Cc", "Cf"):
        return "none"
    code = ord(character)
    unspaced = any(first <= code <= last for first, last in UNSPACED)
    return "letter" if category[0] in "LN" and not unspaced else "single"


def _pieces(word: str, punctuation: bool) -> Iterator[str]:
    piece, open_ = "", False  # an open piece takes further letters
    for character in unicodedata.normalize("NFC", word.lower()):
        kind = _kind(character)
        if (kind == "letter" and open_) or (kind == "mark" and piece):
            piece += character
            continue
        if piece:
            yield piece
        piece, open_ = "", False
        if kind in ("letter", "mark", "single"):
            piece, open_ = character, kind != "single"
        elif kind == "punctuation" and punctuation:
            yield character
    if piece:
        yield piece


def _cutter(punctuation: bool) -> Callable[[str], tuple[str, ...]]:
    return lambda word: tuple(_pieces(word, punctuation))


_words: Memo[str, tuple[str, ...]] = Memo(_cutter(False), WORD_CHARACTERS)
_tokens: Memo[str, tuple[str, ...]] = Memo(_cutter(True), WORD_CHARACTERS)
