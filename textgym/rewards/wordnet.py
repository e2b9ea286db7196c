"""WordNet's synonyms (Miller, 1995), where its data is installed for NLTK."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from textgym.errors import ConfigError


class WordNet:
    """English synonyms.

    Args:
        corpus: NLTK's reader of WordNet.

    Attributes:
        version: The version of the data, such as "3.0".
    """

    def __init__(self, corpus: Any) -> None:
        self._corpus = corpus
        self.version = str(corpus.get_version())

    def synonyms(self, word: str) -> frozenset[str]:
        """Return a word and the single words that share a meaning with it."""
        names = (lemma.name() for synset in self._corpus.synsets(word) for lemma in synset.lemmas())
        return frozenset({word, *(name for name in names if "_" not in name)})


def load_wordnet(required: bool = False) -> WordNet | None:
    """Return WordNet, or None where its data is not installed.

    Raises:
        ConfigError: It is ``required`` and not installed.
    """
    try:
        return WordNet(import_module("nltk.corpus").wordnet)
    except LookupError:
        if not required:
            return None
    raise ConfigError(
        "METEOR's synonyms need the data of WordNet, which is not installed: python -m nltk.downloader wordnet "
        "(or leave synonyms out, and words are aligned by form and stem)."
    )
