"""From what a user writes after ``tokenizer=``, or a checkpoint stores, to a tokenizer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgym.errors import ConfigError, did_you_mean
from textgym.tokenizers.base import Tokenizer
from textgym.tokenizers.bpe import BPETokenizer
from textgym.tokenizers.bytes import ByteTokenizer
from textgym.tokenizers.characters import CharTokenizer
from textgym.tokenizers.huggingface import HuggingFaceTokenizer
from textgym.tokenizers.words import WordTokenizer

KINDS: dict[str, type[ByteTokenizer | CharTokenizer | WordTokenizer | BPETokenizer | HuggingFaceTokenizer]] = {
    kind.kind: kind for kind in (ByteTokenizer, CharTokenizer, WordTokenizer, BPETokenizer, HuggingFaceTokenizer)
}
FORMS = (
    "'byte', 'char:<alphabet>', 'hf:<name or folder>', the path of a saved tokenizer (.json), "
    "a dict from to_json(), a Tokenizer, or a Hugging Face tokenizer object"
)


def make_tokenizer(spec: Any) -> Tokenizer:
    """Return the tokenizer that ``spec`` describes.

    Args:
        spec: ``"byte"``, ``"char:<alphabet>"``, ``"hf:<name or folder>"``, the path of a JSON file that holds
            ``tokenizer.to_json()``, that dict itself, a Tokenizer, or a Hugging Face tokenizer object.

    Raises:
        ConfigError: None of these, or what it names cannot be loaded.
    """
    if isinstance(spec, (str, os.PathLike)):
        return _from_text(os.fspath(spec))
    if isinstance(spec, Mapping):
        return tokenizer_from_json(dict(spec))
    if isinstance(spec, type):
        raise ConfigError(f"tokenizer= must be an object, got the class {spec.__name__}: write {spec.__name__}(...).")
    if isinstance(spec, Tokenizer):
        return spec
    if _is_hugging_face(spec):
        return HuggingFaceTokenizer(spec)
    raise ConfigError(f"A tokenizer is given as {FORMS}; got {spec!r}.")


def tokenizer_from_json(values: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer that ``to_json()`` described.

    Raises:
        ConfigError: The kind is unknown, or a value is missing or of the wrong type.
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"Unknown kind of tokenizer {kind!r}. {did_you_mean(str(kind), KINDS)}")
    try:
        return KINDS[kind].from_json(values)
    except KeyError as error:
        raise ConfigError(f"The saved tokenizer of kind {kind!r} lacks the value {error}: save it again.") from error
    except TypeError as error:
        raise ConfigError(f"The saved tokenizer of kind {kind!r} is damaged ({error}): save it again.") from error


def _from_text(spec: str) -> Tokenizer:
    form, colon, rest = spec.partition(":")
    if spec == "byte":
        return ByteTokenizer()
    if colon and form == "char":
        return CharTokenizer(rest)
    if colon and form == "hf":
        return HuggingFaceTokenizer(rest)
    path = Path(os.path.expanduser(spec))
    if os.path.isfile(path):  # which says no to a name that is too long, too
        return _from_file(path)
    if path.suffix == ".json":
        raise ConfigError(f"There is no saved tokenizer at {path.absolute()}: give the path of an existing JSON file.")
    if spec and os.path.isdir(path):
        raise ConfigError(f"{spec!r} is a folder: a Hugging Face tokenizer is given as 'hf:{spec}'.")
    raise ConfigError(f"Unknown tokenizer {spec!r}. {did_you_mean(spec, ('byte', 'char:', 'hf:'))} It is {FORMS}.")


def _from_file(path: Path) -> Tokenizer:
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path.absolute()} cannot be read as a saved tokenizer: {error}.") from error
    if isinstance(values, dict) and "model" in values and "added_tokens" in values:
        raise ConfigError(
            f"{path.absolute()} is a Hugging Face tokenizer.json, which does not tell its end-of-text token: "
            f"give its folder as 'hf:{path.parent}'."
        )
    if not isinstance(values, dict):
        raise ConfigError(f"{path.absolute()} must hold the dict that to_json() gave, got {type(values).__name__}.")
    return tokenizer_from_json(values)


def _is_hugging_face(spec: object) -> bool:
    """Whether ``spec`` is a Hugging Face tokenizer; one can exist only when transformers is imported already."""
    transformers = sys.modules.get("transformers")
    return transformers is not None and isinstance(spec, transformers.PreTrainedTokenizerBase)
