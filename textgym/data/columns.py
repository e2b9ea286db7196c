"""Which columns hold the prompt and the references: told by the user, or guessed by their usual names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from textgym.errors import ConfigError, DataError, did_you_mean

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
ADVICE = "Rename the columns to 'prompt' and 'references', or pass columns={\"prompt\": ..., \"references\": ...}."
MISSING = object()


class Columns(NamedTuple):
    """What a user said of the columns; what was left out is guessed.

    Attributes:
        prompt: The name of the column; None is to be guessed.
        references: The names of one column or several; none are to be guessed.
        by_position: Whether the names are positions, 0 the first, in a file without a header line.
    """

    prompt: str | None = None
    references: tuple[str, ...] = ()
    by_position: bool = False


GUESSED = Columns()


class Fields(NamedTuple):
    """The names of the fields that hold the prompt and the references; ``a.b`` is field b of the object in field a."""

    prompt: str
    references: tuple[str, ...]


def read_columns(columns: Any) -> Columns:
    """Return what ``columns=`` says: None, or a dict with ``prompt`` and ``references``, names or positions.

    Raises:
        ConfigError: It says anything else.
    """
    if columns is None:
        return Columns()
    if not isinstance(columns, Mapping):
        raise ConfigError(f'columns must be a dict like {{"prompt": "en", "references": ["de"]}}, got {columns!r}.')
    for key in columns:
        if key not in ("prompt", "references"):
            raise ConfigError(
                f"columns has the unknown key {key!r}. {did_you_mean(str(key), ('prompt', 'references'))} "
                "All other columns become metadata by themselves."
            )
    prompt, references = columns.get("prompt"), columns.get("references", ())
    listed = list(references) if isinstance(references, (list, tuple)) else [references]
    names = [name for name in (prompt, *listed) if name is not None]
    whole = [isinstance(name, int) and not isinstance(name, bool) and name >= 0 for name in names]
    if not all(number or (isinstance(name, str) and name) for name, number in zip(names, whole, strict=True)):
        raise ConfigError(f"columns must hold names, or positions from 0 on, got {columns!r}.")
    if any(whole) and not (all(whole) and prompt is not None and listed):
        raise ConfigError(f"columns by position needs positions for both prompt and references, got {columns!r}.")
    listed = [str(name) for name in listed if name is not None]
    return Columns(None if prompt is None else str(prompt), tuple(listed), any(whole))


def guess_fields(row: object, where: str = "", columns: Columns = GUESSED) -> Fields:
    """Return the fields of a row that hold prompt and references: the given ones, else by their usual names.

    Raises:
        DataError: The row is not an object, it lacks a given column, or no field has a usual name (in any letter
            case); the message lists the columns found.
    """
    row = mapping(row, where)
    known = {str(name).strip().lower(): str(name) for name in reversed(list(row))}  # the first of two that are alike
    for name in (columns.prompt, *columns.references):
        if name is not None and value_of(row, name) is MISSING:
            raise DataError(
                f"{where}: no column {name!r}. {did_you_mean(name, names_of(row))} Columns found: {listed(row)}. "
                f"{ADVICE}"
            )
    prompt = columns.prompt or next((known[name] for name in PROMPTS if name in known), None)
    guessed = next((known[name] for name in REFERENCES if name in known), None)
    references = columns.references or (() if guessed is None else (guessed,))
    if prompt is None or not references:
        lacking = " and ".join(what for what, it in (("prompt", prompt), ("references", references)) if not it)
        raise DataError(
            f"{where}: no column for {lacking}. Columns found: {listed(row)}; guessed: prompt={prompt!r}, "
            f"references={guessed!r}. {ADVICE}"
        )
    return Fields(prompt, references)


def mapping(row: object, where: str) -> Mapping[str, Any]:
    """Return a row that is an object with named fields."""
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: a row is an object with named fields, got {type(row).__name__}: {str(row)[:60]!r}.")
    return row


def value_of(row: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field, MISSING when there is none; ``a.b`` looks into the object ``a``."""
    if name in row:
        return row[name]
    outer, dot, inner = name.partition(".")
    nested = row.get(outer) if dot else None
    return value_of(nested, inner) if isinstance(nested, Mapping) else MISSING


def outer_names(row: Mapping[str, Any], fields: Fields) -> set[str]:
    """Return the columns of a row that its fields are taken from."""
    return {name if name in row else name.partition(".")[0] for name in (fields.prompt, *fields.references)}


def names_of(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that ``columns=`` may take: those of the row's fields, and of the fields of its objects."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield str(name)


def listed(row: Mapping[str, Any]) -> str:
    """Return the names of a row's columns for a message."""
    return ", ".join(map(repr, names_of(row))) or "none"
