"""How BLEU cuts a text into tokens: the tokenizers of sacrebleu, with a fast path for its default, 13a."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from itertools import chain

from textgym.errors import ConfigError, did_you_mean
from textgym.memo import Memo

WORD_CHARACTERS = 2**20  # of the words that are remembered, about 100 MB at most with their tokens
TOKENIZERS = {
    "13a": "tokenizer_13a.Tokenizer13a",
    "char": "tokenizer_char.TokenizerChar",
    "flores101": "tokenizer_spm.Flores101Tokenizer",
    "flores200": "tokenizer_spm.Flores200Tokenizer",
    "intl": "tokenizer_intl.TokenizerV14International",
    "ja-mecab": "tokenizer_ja_mecab.TokenizerJaMecab",
    "ko-mecab": "tokenizer_ko_mecab.TokenizerKoMecab",
    "none": "tokenizer_none.NoneTokenizer",
    "spBLEU-1K": "tokenizer_spm.spBLEU1KTokenizer",
    "spm": "tokenizer_spm.TokenizerSPM",
    "zh": "tokenizer_zh.TokenizerZh",
}

WORDWISE = ("13a", "char", "none")  # cut each word as if it stood alone, so a text can be cut as it grows

_RULES_13A = (  # mteval-v13a.pl, as in sacrebleu's tokenizer_re.py
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),  # period and comma unless preceded by a digit
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),  # period and comma unless followed by a digit
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),  # dash when preceded by a digit
)
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


def tokenize_13a(text: str) -> list[str]:
    """Return the tokens of mteval-v13a.

    Every rule but the first three looks at one neighbouring character, and white space counts as any non-digit: so a
    text is tokenized word by word, and the words are remembered.
    """
    if "\n" in text or "<skipped>" in text:
        text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    return list(chain.from_iterable(map(_words.__getitem__, text.split())))


def load_tokenizer(name: str) -> tuple[Callable[[str], list[str]], str]:
    """Return a function from text to tokens, and the name that its signature gives.

    Raises:
        ConfigError: The name is unknown, or sacrebleu cannot load what it needs.
    """
    if name not in TOKENIZERS:
        raise ConfigError(f"BLEU has no tokenizer {name!r}. {did_you_mean(name, TOKENIZERS)}")
    if name == "13a":
        return tokenize_13a, name
    module, _, attribute = TOKENIZERS[name].partition(".")
    try:
        tokenizer = getattr(import_module(f"sacrebleu.tokenizers.{module}"), attribute)()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"sacrebleu cannot load the tokenizer {name!r}: {reason} Install what it asks for or choose another one."
        ) from error

    def tokenize(text: str) -> list[str]:
        try:
            return str(tokenizer(text)).split()
        except UnicodeEncodeError:  # a lone surrogate, which compiled tokenizers cannot take
            return str(tokenizer(text.encode("utf-8", "replace").decode("utf-8"))).split()

    return tokenize, str(tokenizer.signature())


def _tokenize_word(word: str) -> tuple[str, ...]:
    if word.isalnum():
        return (word,)
    if "&" in word:
        for entity, character in _ENTITIES:
            word = word.replace(entity, character)
    word = f" {word} "
    for pattern, replacement in _RULES_13A:
        word = pattern.sub(replacement, word)
    return tuple(word.split())


_words: Memo[str, tuple[str, ...]] = Memo(_tokenize_word, WORD_CHARACTERS)
