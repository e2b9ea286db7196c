"""Parquet files, read by row groups as their rows are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgym.data.lazy import FileSamples
from textgym.data.tables import Row, TableSamples, rows_of
from textgym.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

KEPT = 256 * 2**20  # bytes of row groups that stay in memory
BATCH = 1_000  # rows


class Parquet(TableSamples, FileSamples):
    """The samples of a parquet file.

    A row group is the least that can be read. Those read last stay in memory, up to 256 MB as Arrow holds them; where
    the file has more, each draw of a row that lies elsewhere reads a group, so small groups (some thousand rows) serve
    best.

    Raises:
        MissingExtraError: ``pyarrow`` is not installed.
    """

    form = "Write rows into it."

    def __init__(self, *paths: Path, **rules: Any) -> None:
        self._groups: dict[int, pa.Table] = {}
        self._metadata: pq.FileMetaData | None = None
        super().__init__(*paths, **rules)

    def _size(self) -> int:
        with self._file() as file:
            self._metadata = file.metadata
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        self._firsts = [0, *accumulate(sizes)]
        return int(self._firsts[-1])

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with self._file() as file:
            yield from file.iter_batches(BATCH, use_threads=False)

    def _fetch(self, key: int) -> Row:
        group = bisect_right(self._firsts, key) - 1
        return rows_of(self._group(group).slice(key - self._firsts[group], 1))[0]

    def _group(self, number: int) -> pa.Table:
        table = self._groups.pop(number, None)
        if table is None:
            with self._file() as file:
                table = file.read_row_group(number, use_threads=False)
            kept = table.nbytes
            while self._groups and kept + sum(other.nbytes for other in self._groups.values()) > KEPT:
                del self._groups[next(iter(self._groups))]
        self._groups[number] = table  # the latest stands last
        return table

    @contextmanager
    def _file(self) -> Iterator[pq.ParquetFile]:
        """Open the file; whatever is wrong with its content is told as DataError."""
        try:
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("pyarrow", "hub", f"Reading {self.name}") from error
        try:
            with open(self._files[0], "rb") as file, pq.ParquetFile(file, metadata=self._metadata) as parquet:
                yield parquet
        except (DataError, FileNotFoundError, PermissionError):
            raise
        except Exception as error:  # Arrow raises many kinds for files that are broken
            told = str(error).partition("\n")[0]
            raise DataError(f"{self.name} is no whole parquet file ({told}): write or fetch it again.") from None
