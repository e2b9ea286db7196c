"""Words and punctuation marks of a stated vocabulary as tokens: short episodes, for tasks with a closed vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat
from typing import Any

from textgym.errors import ConfigError
from textgym.tokenizers.base import Ids, PieceTokenizer, plain, strings, well_formed
from textgym.tokenizers.pieces import Pieces

# a number with its inner marks (3.5, 10:30), a word with its inner hyphens and apostrophes, or one mark
WORD = re.compile(r"\d+(?:[.,:]\d+)+|\w+(?:['\u2019-]\w+)*|[^\w\s]")
CLOSES = frozenset(".,;:!?%)]}")
OPENS = frozenset("([{")


class WordTokenizer(PieceTokenizer):
    """One id per word in the given order, then ``<eos>``, ``<sep>`` and ``<unk>``.

    White space is not kept: decoding puts one space between words, none before ``.,;:!?%)]}`` and none after ``([{``.
    So encoding what was decoded gives the same ids, and well-spaced text over the vocabulary comes back unchanged.

    >>> WordTokenizer(["the", "cat", "sleeps", "."]).decode([0, 1, 2, 3])
    'the cat sleeps.'

    Args:
        words: Words and marks, each one token of :data:`WORD`; one that comes twice counts once.

    Raises:
        ConfigError: There is no word, or one of them is not a single token.
    """

    kind = "word"

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(dict.fromkeys(strings(list(words), "The words")))
        bad = [word for word in self.words if not WORD.fullmatch(word) or well_formed(word) != word]
        if bad or not self.words:
            raise ConfigError(
                f"A word vocabulary needs at least one entry, each a single word or mark; got {bad or 'none'}: "
                "split texts with textgym.tokenizers.words.WORD.findall."
            )
        self._ids = {word: i for i, word in enumerate(self.words)}
        self._words = dict(enumerate(self.words))
        self._marks = (CLOSES | OPENS).intersection(self.words)
        super().__init__((word.encode() for word in self.words), unknown=True)

    def encode(self, text: str) -> list[int]:
        """Return one id per word or mark."""
        assert self.unk_id is not None
        return list(map(self._ids.get, WORD.findall(text), repeat(self.unk_id)))

    def decode(self, ids: Ids) -> str:
        """Return the words with single spaces, marks attached to the word that they follow or open."""
        words = list(filter(None, map(self._words.get, plain(ids))))
        if not self._marks or self._marks.isdisjoint(words):
            return " ".join(words)
        writer, text = WordWriter(self.words), ""
        for i in plain(ids):
            text = writer.write(i)
        return text

    def writer(self) -> WordWriter:
        """Return a writer whose text equals what :meth:`decode` gives for its ids."""
        return WordWriter(self.words)

    def pieces(self) -> Pieces:
        """Return the bytes that each id adds to a text, with the space before a word where there is one."""
        rest = [b""] * (self.vocab_size - len(self.words))
        spaced = [word.encode() if word in CLOSES else f" {word}".encode() for word in self.words]
        opens = frozenset(i for i, word in enumerate(self.words) if word in OPENS)
        return Pieces([word.encode() for word in self.words] + rest, spaced + rest, opens)

    def to_json(self) -> dict[str, Any]:
        """Return the kind and the words."""
        return {"kind": self.kind, "words": list(self.words)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> WordTokenizer:
        """Return the tokenizer that :meth:`to_json` described."""
        return cls(strings(values["words"], "The words"))


class WordWriter:
    """Words one after the other, with the spaces that :meth:`WordTokenizer.decode` puts between them.

    Args:
        words: The word of each id; other ids stand for nothing.
    """

    __slots__ = ("_glue", "_text", "_words")

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words, self._text, self._glue = words, "", True

    def write(self, token: int) -> str:
        """Append an id; return the text so far."""
        if 0 <= token < len(self._words):
            word = self._words[token]
            self._text += word if self._glue or word in CLOSES else f" {word}"
            self._glue = word in OPENS
        return self._text
