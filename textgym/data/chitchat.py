"""The Chit-Chat Challenge of Brigham Young University: open conversations of two people (chitchat-dataset, MIT)."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

from textgym.errors import MissingExtraError

SPLITS = ("train", "validation", "test")


def split_of(name: str) -> str:
    """Return the split of the conversation with this id: 90/5/5 by its CRC-32."""
    return SPLITS[max(0, crc32(name.encode()) % 20 - 17)]


def conversations(needed_for: str) -> tuple[tuple[str, list[str]], ...]:
    """Return the id and the turns of each conversation, white space made single spaces.

    The messages that one person sent in a row are one turn.

    Raises:
        MissingExtraError: The package is not installed.
    """
    package = find_spec("chitchat_dataset")
    if package is None or package.origin is None:
        raise MissingExtraError("chitchat-dataset", "data", needed_for)
    # the package's own loader relies on the locale's encoding and leaves the file open
    return _read(Path(package.origin).with_name("dataset.json"))


@cache
def _read(path: Path) -> tuple[tuple[str, list[str]], ...]:
    data = json.loads(path.read_bytes())
    return tuple((name, [_turn(turn) for turn in conversation["messages"]]) for name, conversation in data.items())


def _turn(messages: list[dict[str, str]]) -> str:
    return " ".join(" ".join(message["text"] for message in messages).split())
