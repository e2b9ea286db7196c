"""One row of data: which of its fields are the prompt and the references, and what makes it a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from textgym.core import Sample
from textgym.errors import DataError

# in order of preference: the first that a row has is taken
# fmt: off
PROMPTS = (
    "prompt", "source", "src", "input", "instruction", "question", "query", "dialogue", "document", "article",
    "passage", "context", "mr", "text",
)
REFERENCES = (
    "references", "reference", "refs", "ref", "target", "tgt", "output", "summary", "answers", "answer", "response",
    "highlights", "translation", "completion", "label",
)
# fmt: on
MAX_CHARS = 100_000


class Fields(NamedTuple):
    """The names of the fields that hold the prompt and the references."""

    prompt: str
    references: str


def guess_fields(row: object, where: str = "") -> Fields:
    """Return the fields of a row that hold prompt and references, by their usual names in any letter case.

    Raises:
        DataError: The row is not an object, or no field has such a name; the message lists the columns found.
    """
    row = _mapping(row, where)
    names = {str(name).strip().lower(): str(name) for name in row}
    found = [next((names[name] for name in known if name in names), None) for known in (PROMPTS, REFERENCES)]
    prompt, references = found
    if prompt is None or references is None:
        lacking = " and ".join(
            what for what, field in (("prompt", prompt), ("references", references)) if field is None
        )
        raise DataError(
            f"{where}: no column for {lacking}. Columns found: {', '.join(map(repr, row)) or 'none'}; guessed: "
            f"prompt={prompt!r}, references={references!r}. Rename the columns to 'prompt' and 'references'."
        )
    return Fields(prompt, references)


def sample_of(row: object, fields: Fields, where: str = "", max_chars: int = MAX_CHARS) -> Sample:
    """Return the sample of a row; its other fields become metadata.

    Prompt and references are a string or a list of strings (a prompt's are joined by spaces); references that hold
    nothing but white space are dropped.

    Raises:
        DataError: The prompt or the references are missing, null, blank or no text, or the row has more than
            ``max_chars`` characters; the message begins with ``where``.
    """
    row = _mapping(row, where)
    prompt = " ".join(_texts(row, fields.prompt, fields, where))
    references = [text for text in _texts(row, fields.references, fields, where) if text and not text.isspace()]
    if not prompt or prompt.isspace():
        raise DataError(f"{where}: the prompt ({fields.prompt!r}) is blank. Give it text or remove the row.")
    if not references:
        raise DataError(f"{where}: {fields.references!r} holds no text. Give at least one reference or remove the row.")
    check_size(prompt, references, where, max_chars)
    return Sample(prompt, tuple(references), {name: value for name, value in row.items() if name not in fields})


def check_size(prompt: str, references: Sequence[str], where: str, max_chars: int = MAX_CHARS) -> None:
    """Refuse a sample whose texts have more than ``max_chars`` characters together."""
    size = len(prompt) + sum(map(len, references))
    if size > max_chars:
        raise DataError(
            f"{where}: {size:,} characters of text, more than max_chars={max_chars:,}. Split or remove the row."
        )


def _mapping(row: object, where: str) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: a row is an object with named fields, got {type(row).__name__}: {str(row)[:60]!r}.")
    return row


def _texts(row: Mapping[str, Any], field: str, fields: Fields, where: str) -> list[str]:
    value = row.get(field)
    if value is None:
        state = "null" if field in row else "missing"
        raise DataError(
            f"{where}: {field!r} is {state}. Columns found: {', '.join(map(repr, row)) or 'none'}; guessed from the "
            f"first row: prompt={fields.prompt!r}, references={fields.references!r}. Fill it in or remove the row."
        )
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)):
        raise DataError(f"{where}: {field!r} must be text or a list of texts, got {type(value).__name__}: {value!r}.")
    for text in texts:
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where}: {field!r} must hold texts only, got {type(text).__name__}: {str(text)[:60]!r}.")
    return [text for text in texts if text is not None]
