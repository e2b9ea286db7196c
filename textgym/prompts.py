"""The token ids of prompts, remembered: encoding one takes as long as dozens of steps of its episode."""

from __future__ import annotations

from array import array

from textgym.rewards.memo import Memo
from textgym.tokenizers import Tokenizer

CHARACTERS = 20_000_000  # of remembered prompts, for all environments together


def encoded_prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return ``tokenizer.encode_prompt(text)``, without encoding a text again that was encoded lately."""
    try:
        return _memo[tokenizer, text].tolist()
    except TypeError:  # a user's tokenizer that cannot be hashed; what it does wrong itself, it does here again
        return tokenizer.encode_prompt(text)


def _encode(key: tuple[Tokenizer, str]) -> array[int]:
    tokenizer, text = key
    return array("i", tokenizer.encode_prompt(text))


_memo: Memo[tuple[Tokenizer, str], array[int]] = Memo(_encode, CHARACTERS, weight=lambda key: len(key[1]))
