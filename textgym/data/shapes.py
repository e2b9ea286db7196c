"""Rows in a format of their own: what makes samples of them, where columns do not hold prompts and references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textgym.core import Sample
from textgym.data.columns import listed, mapping
from textgym.data.rows import check_size, normalized
from textgym.data.skipping import Skipped
from textgym.errors import DataError

if TYPE_CHECKING:
    from textgym.data.rules import Rules


class Shape(Protocol):
    """What a row of a published format means. A shape can be hashed, compared and pickled, as rules are."""

    @property
    def varies(self) -> bool:
        """Whether a row may give no sample, or several: all rows are then read when a file is opened."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row must have, none of them null."""
        ...

    def named(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row under the names that :attr:`columns` has, where a file spells them otherwise."""
        ...

    def samples(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return the samples of a row that has all columns."""
        ...


def shaped_samples(row: object, shape: Shape, rules: Rules, tally: Skipped | None = None) -> tuple[Sample, ...]:
    """Return the samples of a row, their blank references left out.

    Args:
        row: A mapping of names to values.
        shape: What it means.
        rules: How rows are read.
        tally: Where to count the references that were left out.

    Raises:
        DataError: A column is missing or null, holds another kind of value, or a text is blank or too long; the
            message begins with what follows the place.
    """
    named = shape.named(mapping(row, ""))
    for column in shape.columns:
        if named.get(column) is None:
            state = "is null" if column in named else "is missing"
            raise DataError(
                f": the column {column!r} {state}. Columns found: {listed(named)}; the published format has "
                f"{', '.join(map(repr, shape.columns))}. Samples of your own, with other columns: pass "
                'columns={"prompt": ..., "references": ...}.'
            )
    try:
        samples = shape.samples(named)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f": the row is not as the published format has it ({type(error).__name__}: {str(error)[:100]}). Compare it "
            "with a row of the published files, or remove it."
        ) from None
    return tuple(_checked(sample, rules, tally) for sample in samples)


def text_of(row: Mapping[str, Any], name: str, *, blank: bool = False) -> str:
    """Return the text in a column.

    Args:
        row: A row that has the column.
        name: The column's.
        blank: Whether it may be blank.

    Raises:
        DataError: It is no text, or blank and may not be.
    """
    value = row[name]
    if not isinstance(value, str):
        raise DataError(f": {name!r} must be text, got {type(value).__name__}: {value!r:.60}.")
    if not blank and (not value or value.isspace()):
        raise DataError(f": {name!r} is blank. Give it text or remove the row.")
    return value


def texts_of(row: Mapping[str, Any], name: str) -> list[str]:
    """Return the list of texts in a column, of which some may be blank.

    Raises:
        DataError: It is no list of texts.
    """
    values = row[name]
    if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
        raise DataError(f": {name!r} must be a list of texts, got {type(values).__name__}: {values!r:.60}.")
    return list(values)


def _checked(sample: Sample, rules: Rules, tally: Skipped | None) -> Sample:
    references = tuple(text for text in sample.references if text and not text.isspace())
    if not sample.prompt or sample.prompt.isspace():
        raise DataError(": the prompt is blank. Give it text or remove the row.")
    if sample.references and not references:
        raise DataError(": all references are blank. Give at least one or remove the row.")
    check_size(sample.prompt, references, "", rules.max_chars)
    if tally is not None:
        tally.blanks += len(sample.references) - len(references)
    return normalized(Sample(sample.prompt, references, sample.metadata), rules)
