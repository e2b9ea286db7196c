"""Objects of the library ``datasets``: recognised without importing it, read by row."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from textgym.data.rules import PLAIN, Rules
from textgym.data.tables import Row, TableSamples, rows_of
from textgym.errors import ConfigError

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

BATCH = 1_000  # rows


def is_dataset(data: object) -> bool:
    """Whether this is a ``datasets.Dataset``."""
    return _is(data, "Dataset", "IterableDataset")


def is_dataset_dict(data: object) -> bool:
    """Whether this is a ``datasets.DatasetDict``."""
    return _is(data, "DatasetDict", "IterableDatasetDict")


def _is(data: object, kind: str, streaming: str) -> bool:
    """Whether data is of a class of the library; the class that streams is refused, as samples are drawn in any order.

    Raises:
        ConfigError: It streams.
    """
    library = sys.modules.get("datasets")  # where it was never imported, nothing is one of its objects
    if library is None or not hasattr(library, kind):
        return False
    if isinstance(data, getattr(library, streaming)):
        raise ConfigError(
            f"data= is a {streaming}, which streams, and samples are drawn in any order: load it without "
            "streaming=True."
        )
    return isinstance(data, getattr(library, kind))


class DatasetSamples(TableSamples):
    """The samples of a ``datasets.Dataset``.

    Rows are taken as Arrow holds them: images and sounds are not decoded, and a format or transform that was set is
    not applied.

    Args:
        dataset: The data.
        name: What it is called in messages.
        rules: How rows are read.
    """

    form = "Give it rows."

    def __init__(self, dataset: datasets.Dataset, name: str, rules: Rules = PLAIN) -> None:
        self.name = name
        self._dataset: Any = dataset.with_format("arrow")
        super().__init__(rules)

    def _size(self) -> int:
        return len(self._dataset)

    def _batches(self) -> Iterator[pa.Table]:
        for start in range(0, len(self._dataset), BATCH):
            yield self._dataset[start : start + BATCH]

    def _raw(self, key: int) -> Row:
        return rows_of(self._dataset[key])[0]
