"""Parquet files, read by row groups as their rows are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from textgym.data.lazy import FileSamples
from textgym.data.rules import PLAIN, Rules
from textgym.data.tables import Row, TableSamples, rows_of
from textgym.data.unpacking import copy_of, refuse_bomb
from textgym.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

KEPT = 128 * 2**20  # bytes of row groups that stay in memory
LARGE_ROWS, LARGE_BYTES = 100_000, 32 * 2**20  # a row group beyond either takes tenths of a second to read
BATCH = 1_000  # rows that are looked at together


class Parquet(TableSamples, FileSamples):
    """The samples of a parquet file.

    A row group is the least that can be read; those read last stay in memory. Where they would not all stay there, or
    are large, as where a whole table is one, the file is first written into the cache in Arrow's own format, from which
    any row can be had at once.

    Raises:
        MissingExtraError: ``pyarrow`` is not installed.
    """

    form = "Write rows into it."

    def __init__(self, *paths: Path, rules: Rules = PLAIN) -> None:
        self._metadata: pq.FileMetaData | None = None
        self._groups: dict[int, pa.Table] = {}
        self._mapped: list[pa.RecordBatch] = []
        super().__init__(*paths, rules=rules)

    def _size(self) -> int:
        with self._file() as file:
            self._metadata = file.metadata
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        sizes = [group.num_rows for group in groups]
        if _is_large(groups):
            self._mapped = self._in_arrow()
            sizes = [batch.num_rows for batch in self._mapped]
        self._firsts = [0, *accumulate(sizes)]
        return int(self._firsts[-1])

    def _in_arrow(self) -> list[pa.RecordBatch]:
        """Return the whole file, in a copy that is mapped into memory."""
        import pyarrow as pa

        copy = copy_of(self._files[0], "arrow", self._write)
        with self._whole():
            reader = pa.ipc.open_file(pa.memory_map(str(copy)))
            return [reader.get_batch(i) for i in range(reader.num_record_batches)]

    def _write(self, source: BinaryIO, target: BinaryIO) -> None:
        import pyarrow as pa

        packed, size = self._files[0].stat().st_size, 0
        with self._file() as file, pa.ipc.new_file(target, file.schema_arrow) as writer:
            for batch in file.iter_batches(10 * BATCH, use_threads=False):
                size += batch.nbytes
                refuse_bomb(self.paths[0], packed, size)
                writer.write_batch(batch)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._mapped:
            for batch in self._mapped:
                yield from (batch.slice(start, BATCH) for start in range(0, batch.num_rows, BATCH))
            return
        with self._file() as file:
            yield from file.iter_batches(BATCH, use_threads=False)

    def _fetch(self, key: int) -> Row:
        number = bisect_right(self._firsts, key) - 1
        group = self._mapped[number] if self._mapped else self._group(number)
        return rows_of(group.slice(key - self._firsts[number], 1))[0]

    def _group(self, number: int) -> pa.Table:
        """Return a row group, from memory where it was read lately."""
        table = self._groups.pop(number, None)
        if table is None:
            with self._file() as file:
                table = file.read_row_group(number, use_threads=False)
            kept = _bytes_of(self._groups) + table.nbytes
            for oldest in list(self._groups):
                if kept > KEPT:
                    kept -= self._groups.pop(oldest).nbytes
        self._groups[number] = table  # the latest stands last
        return table

    @contextmanager
    def _file(self) -> Iterator[pq.ParquetFile]:
        try:
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("pyarrow", "hub", f"Reading {self.name}") from error
        with (
            self._whole(),
            open(self._files[0], "rb") as file,
            pq.ParquetFile(file, metadata=self._metadata, pre_buffer=False) as parquet,
        ):
            yield parquet

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Tell whatever is wrong with the content as DataError."""
        try:
            yield
        except DataError:
            raise
        except Exception as error:  # Arrow raises many kinds for files that are broken
            if isinstance(error, OSError) and error.errno is not None:  # the system's own
                raise
            told = str(error).partition("\n")[0]
            raise DataError(f"{self.name} is no whole parquet file ({told}): write or fetch it again.") from None


def _bytes_of(groups: Mapping[int, Any]) -> int:
    return sum(table.nbytes for table in groups.values())


def _is_large(groups: list[Any]) -> bool:
    """Whether to read a row at a time from row groups would be slow."""
    sizes = [group.total_byte_size for group in groups]
    return sum(sizes) > KEPT or any(
        group.num_rows > LARGE_ROWS or size > LARGE_BYTES for group, size in zip(groups, sizes, strict=True)
    )
