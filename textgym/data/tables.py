"""Samples of Arrow tables, whose rows have numbers: what parquet files and ``datasets.Dataset`` share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from textgym.data import lazy
from textgym.data.lazy import LazySamples
from textgym.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any] | DataError


class TableSamples(LazySamples):
    """Samples of numbered rows: opening reads the first 10,000 rows (all of them when bad rows are skipped)."""

    @abstractmethod
    def _size(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def _batches(self) -> Iterator[pa.RecordBatch | pa.Table]:
        """Yield all rows in order, some thousand at a time."""

    def _index(self) -> Sequence[int]:
        size = self._size()
        keys = self._checked(islice(self._records(), None if self.rules.read_all else lazy.CHECKED))
        # the rows behind the checked ones are checked when they are read
        return keys if self.skipped.count or self.rules.read_all else range(size)

    def _records(self) -> Iterator[tuple[int, int, Row]]:
        rows = chain.from_iterable(map(rows_of, self._batches()))
        return ((i, i, row) for i, row in enumerate(rows))

    def _place(self, number: int) -> str:
        return f"{self.name}, row {number}"

    def _number(self, key: int) -> int:
        return key

    def _row(self, raw: Row) -> Mapping[str, Any]:
        if isinstance(raw, DataError):
            raise raw
        return raw


def rows_of(table: pa.RecordBatch | pa.Table) -> list[Row]:
    """Return the rows of a table as Python objects; in place of one that cannot be, what is wrong with it."""
    try:
        return table.to_pylist()  # type: ignore[no-any-return]
    except Exception:  # text that is not UTF-8, dates that Python has not, and more; one by one, to tell which
        return [_row_of(table, i) for i in range(table.num_rows)]


def _row_of(table: pa.RecordBatch | pa.Table, i: int) -> Row:
    try:
        row: dict[str, Any] = table.slice(i, 1).to_pylist()[0]
    except Exception as error:
        return DataError(f": the row cannot be read ({error}). Write it anew or remove it.")
    return row
