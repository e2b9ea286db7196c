"""Translation between two languages that an option names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.errors import ConfigError
from textgym.tasks.published.task import PublishedTask

ENGLISH_NAMES = {
    "ar": "Arabic", "cs": "Czech", "de": "German", "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish",
    "fr": "French", "gu": "Gujarati", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "nl": "Dutch", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip


class TranslationPairs(PublishedTask):
    """Sentences in two languages, in a column each, in one column ``translation``, or in parallel text.

    Args:
        source: The code of the language to translate from.
        target: That to translate into.
        reading: As :class:`PublishedTask` takes it.

    Raises:
        ConfigError: The languages are the same, or no codes.
    """

    stems: Mapping[str, Sequence[str]] = {}
    ends: tuple[str, str] | None = None  # of the names of parallel text; None are the languages
    prefix: str = ""
    reward = "bleu"

    def __init__(self, source: str = "en", target: str = "de", **reading: Any) -> None:
        for name, code in (("source", source), ("target", target)):
            if not isinstance(code, str) or not code.isalpha() or not code.islower():
                raise ConfigError(f"{name} must be the code of a language such as 'en', got {code!r}.")
        if source == target:
            raise ConfigError(f"source and target must be two languages, got {source!r} for both.")
        super().__init__(**reading)
        self.source, self.target = source, target
        self.languages: tuple[str, str] = (source, target)

    def file_names(self, split: str) -> Sequence[str | tuple[str, str]]:
        """Return the names of parallel text."""
        first, second = self.ends or self.languages
        return [(f"{stem}.{first}", f"{stem}.{second}") for stem in self.stems.get(split, ())]

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a sentence and its translation."""
        pair = row.get("translation", row)
        prefix = self.prefix.format(*(ENGLISH_NAMES.get(code, code) for code in self.languages))
        return Sample(prefix + text_of(pair, self.source).strip(), (text_of(pair, self.target).strip(),))
