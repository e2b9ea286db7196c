"""Porter stems (Porter, 1980, with NLTK's extensions, as rouge_score and NLTK's METEOR use them), remembered."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from textgym.memo import Memo

WORD_CHARACTERS = 2**20  # of the words whose stems are remembered


@lru_cache(maxsize=1)
def stems() -> Memo[str, str]:
    """Return the stem of each word, by lookup."""
    stem = import_module("nltk.stem.porter").PorterStemmer().stem  # heavy, and a dependency of rouge_score
    return Memo(lambda word: str(stem(word)), WORD_CHARACTERS)


@lru_cache(maxsize=1)
def rouge_stems() -> Memo[str, str]:
    """Return the stem of each word of more than three characters and the others as they are, by lookup."""
    full = stems()
    return Memo(lambda word: full[word] if len(word) > 3 else word, WORD_CHARACTERS)
