"""One row of data: what makes it a sample, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from textgym.core import Sample
from textgym.data.columns import MISSING, Fields, listed, mapping, outer_names, value_of
from textgym.data.rules import MAX_CHARS, PLAIN, Rules
from textgym.data.skipping import Skipped
from textgym.errors import DataError


def sample_of(
    row: object,
    fields: Fields,
    where: str = "",
    rules: Rules = PLAIN,
    tally: Skipped | None = None,
) -> Sample:
    """Return the sample of a row; its other fields become metadata.

    Prompt and references are a string or a list of strings (a prompt's are joined by spaces); references may stand in
    several fields. References that hold nothing but white space are left out.

    Args:
        row: A mapping of names to values.
        fields: Which of them are prompt and references.
        where: What names the row in messages.
        rules: How rows are read.
        tally: Where to count the references that were left out.

    Raises:
        DataError: The prompt or all references are missing, null, blank or no text, or the row has more than
            ``max_chars`` characters; the message begins with ``where``.
    """
    row = mapping(row, where)
    prompt = " ".join(filter(None, _texts(row, fields.prompt, fields, where)))
    given = _references(row, fields, where)
    references = [text for text in given if text and not text.isspace()]
    if not prompt or prompt.isspace():
        raise DataError(f"{where}: the prompt ({fields.prompt!r}) is blank. Give it text or remove the row.")
    if not references:
        named = ", ".join(map(repr, fields.references))
        raise DataError(f"{where}: {named} holds no text. Give at least one reference or remove the row.")
    check_size(prompt, references, where, rules.max_chars)
    if tally is not None:
        tally.blanks += len(given) - len(references)
    used = outer_names(row, fields)
    others = {name: value for name, value in row.items() if name not in used}
    return normalized(Sample(prompt, tuple(references), others), rules)


def normalized(sample: Sample, rules: Rules) -> Sample:
    """Return a sample with its texts in the form of Unicode that the rules ask for, if any."""
    if rules.normalize is None:
        return sample
    prompt, *references = (normalize(rules.normalize, text) for text in (sample.prompt, *sample.references))
    return Sample(prompt, tuple(references), sample.metadata)


def check_size(prompt: str, references: Sequence[str], where: str, max_chars: int = MAX_CHARS) -> None:
    """Refuse a sample whose texts have more than ``max_chars`` characters together."""
    size = len(prompt) + sum(map(len, references))
    if size > max_chars:
        raise DataError(
            f"{where}: {size:,} characters of text, more than max_chars={max_chars:,}. Split or remove the row, or "
            "raise max_chars."
        )


def _references(row: Mapping[str, Any], fields: Fields, where: str) -> list[str]:
    """Return all references; of several fields some may be null, as rows differ in how many references they have."""
    if len(fields.references) == 1:
        return _texts(row, fields.references[0], fields, where)
    full = [name for name in fields.references if value_of(row, name) not in (None, MISSING)]
    return [text for name in full for text in _texts(row, name, fields, where)]


def _texts(row: Mapping[str, Any], field: str, fields: Fields, where: str) -> list[str]:
    """Return the text or texts of a field, a null within a list as an empty one."""
    value = value_of(row, field)
    if value is None or value is MISSING:
        raise DataError(
            f"{where}: {field!r} is {'null' if value is None else 'missing'}. Columns found: {listed(row)}; for all "
            f"rows prompt={fields.prompt!r}, references={', '.join(map(repr, fields.references))}. Fill it in or "
            "remove the row."
        )
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)):
        raise DataError(
            f"{where}: {field!r} must be text or a list of texts, got {type(value).__name__}: {value!r:.60}."
        )
    for text in texts:
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where}: {field!r} must hold texts only, got {type(text).__name__}: {str(text)[:60]!r}.")
    return ["" if text is None else text for text in texts]
