"""The first words of a text, and options that are whole numbers."""

from __future__ import annotations

from textgym.arguments import whole_number
from textgym.errors import ConfigError


def first_words(text: str, count: int) -> str:
    """Return a text up to the end of its ``count``-th word, white space as it is."""
    pieces = text.split(maxsplit=count)
    if len(pieces) <= count:
        return text.strip()
    return text[: len(text.rstrip()) - len(pieces[-1].rstrip())].strip()


def at_least(name: str, value: object, least: int) -> int:
    """Return an option that is a whole number of at least ``least``.

    Raises:
        ConfigError: It is none.
    """
    number = whole_number(name, value)
    if number < least:
        raise ConfigError(f"{name} must be at least {least}, got {number}.")
    return number
