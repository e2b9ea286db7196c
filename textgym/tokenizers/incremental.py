"""Text that grows token by token, for people: no half of a character is ever shown."""

from __future__ import annotations

from textgym.tokenizers.base import Tokenizer
from textgym.tokenizers.writer import start_writer

CUT = "\ufffd"  # what decoding shows for bytes that are no whole character


def settled(text: str) -> str:
    """Return a text that may go on without what its next tokens may still complete: a character cut at its end."""
    return text.rstrip(CUT)


class IncrementalDecoder:
    """Turns token ids into text as they come.

    What :meth:`push` and :meth:`finish` return, put together, is the text of all ids. A character whose bytes are
    spread over several tokens comes whole, with the last of them; bytes that no token completes come as U+FFFD, once
    that is certain.

    >>> from textgym.tokenizers import ByteTokenizer
    >>> decoder = IncrementalDecoder(ByteTokenizer())
    >>> [decoder.push(byte) for byte in "né".encode()]
    ['n', '', 'é']

    Args:
        tokenizer: Whose ids they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._writer = start_writer(tokenizer)
        self._text = self._told = ""

    def push(self, token: int) -> str:
        """Take one more id; return the text that is certain now and was not returned before."""
        self._text = self._writer.write(token)
        return self._new(settled(self._text))

    def finish(self) -> str:
        """Return what was held back; no id may follow."""
        return self._new(self._text)

    def _new(self, text: str) -> str:
        # with SentencePiece's single bytes, half a character hides whole ones before it, which were told already
        new = text.removeprefix(self._told) if text.startswith(self._told) else ""
        self._told += new
        return new
