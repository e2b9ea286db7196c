"""The token ids of prompts, remembered: encoding one takes as long as dozens of steps of its episode."""

from __future__ import annotations

from array import array

from textgym.memo import Memo
from textgym.tokenizers import Tokenizer

CHARACTERS = 20_000_000  # of remembered prompts, for all environments together


def encoded_prompt(tokenizer: Tokenizer, template: str, prompt: str) -> list[int]:
    """Return the ids of a prompt in its template, without encoding again what was encoded lately."""
    try:
        return _memo[tokenizer, template, prompt].tolist()
    except TypeError:  # a user's tokenizer that cannot be hashed; what it does wrong itself, it does here again
        return tokenizer.encode_prompt(template.replace("{prompt}", prompt))


def _encode(key: tuple[Tokenizer, str, str]) -> array[int]:
    tokenizer, template, prompt = key
    return array("i", tokenizer.encode_prompt(template.replace("{prompt}", prompt)))


_memo: Memo[tuple[Tokenizer, str, str], array[int]] = Memo(_encode, CHARACTERS, weight=lambda key: len(key[2]))
