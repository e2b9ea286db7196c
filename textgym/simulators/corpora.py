"""Conversations between people, as lists of what was said in turn."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from textgym.data.chitchat import conversations, split_of
from textgym.errors import DataError

Conversation = tuple[str, ...]


@cache
def read_corpus(corpus: str) -> tuple[Conversation, ...]:
    """Return the conversations of a corpus, empty turns left out.

    Args:
        corpus: "chitchat" for the training split of the Chit-Chat Challenge; or the path of a JSON file in the format
            of Topical-Chat: an object of conversations, each with a list ``content`` of objects with a ``message``.

    Raises:
        DataError: There is no such file, or it is in another format.
        MissingExtraError: The package of "chitchat" is not installed.
    """
    if corpus == "chitchat":
        found = conversations("The corpus 'chitchat'")
        return tuple(_kept(texts) for name, texts in found if split_of(name) == "train")
    path = Path(corpus).expanduser()
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"No conversations can be read from {corpus!r}: {error.strerror or error}. A corpus is 'chitchat', or the "
            "path of a JSON file as Topical-Chat publishes them."
        ) from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON file: {error}.") from error
    if not isinstance(data, dict):
        raise DataError(
            f"{path} must hold an object of conversations, as Topical-Chat's do, got {type(data).__name__}."
        )
    return tuple(_kept(_messages(path, name, conversation)) for name, conversation in data.items())


def _messages(path: Path, name: str, conversation: Any) -> list[str]:
    try:
        messages = [turn["message"] for turn in conversation["content"]]
    except (TypeError, KeyError):
        messages = [None]
    if not all(isinstance(message, str) for message in messages):
        raise DataError(
            f"{path}, conversation {name!r}: its 'content' must be a list of objects with a 'message' each."
        )
    return [" ".join(message.split()) for message in messages]


def _kept(texts: list[str]) -> Conversation:
    return tuple(text for text in texts if text)
