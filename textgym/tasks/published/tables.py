"""A table's marked cells as text, each with the headers that stand above it and to its left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Cell = Mapping[str, Any]
Table = Sequence[Sequence[Cell]]


def marked_cells(table: Table, marked: Sequence[Sequence[int]], page: str | None, section: str | None) -> str:
    """Return the titles and the marked cells of a table in the form of the baseline of ToTTo.

    Args:
        table: Rows of cells, each with ``value``, ``is_header`` and ``column_span``.
        marked: The row and the place in the row of each cell that counts.
        page: The title of the page; left out where it is blank.
        section: That of the section.
    """
    parts = [f"<page_title> {page} </page_title>"] if page else []
    parts += [f"<section_title> {section} </section_title>"] if section else []
    parts.append("<table>")
    for row, place in marked:
        parts.append(f"<cell> {table[row][place]['value']}")
        parts += [f"<col_header> {value} </col_header>" for value in _above(table, row, place)]
        parts += [f"<row_header> {value} </row_header>" for value in _left(table[row], place)]
        parts.append("</cell>")
    return " ".join([*parts, "</table>"])


def _left(row: Sequence[Cell], place: int) -> list[str]:
    return [str(cell["value"]) for cell in row[:place] if cell["is_header"]]


def _above(table: Table, row: int, place: int) -> list[str]:
    """Return the headers in the rows above that share a column with a cell; a cell may span several."""
    start, end = _columns(table[row])[place]
    return [
        str(cell["value"])
        for above in table[:row]
        for cell, (first, last) in zip(above, _columns(above), strict=True)
        if cell["is_header"] and first < end and last > start
    ]


def _columns(row: Sequence[Cell]) -> list[tuple[int, int]]:
    """Return the first column of each cell, and the one behind its last."""
    spans, start = [], 0
    for cell in row:
        end = start + int(cell["column_span"])
        spans.append((start, end))
        start = end
    return spans
