"""A split as a data set of the library ``datasets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textgym.core import Sample, Task
from textgym.errors import MissingExtraError
from textgym.export.samples import chosen_samples, metadata_json

if TYPE_CHECKING:
    import datasets


def to_dataset(task: str | Task, split: str = "train", count: int | None = None, **options: Any) -> datasets.Dataset:
    """Return samples as a ``datasets.Dataset`` with the columns prompt, references (list of str) and metadata (JSON).

    Lone surrogates, which Arrow cannot hold, become U+FFFD.

    Args:
        task: A registered name or a Task.
        split: Which split.
        count: The first so many samples; None means all, which are held in memory.
        options: For the task's constructor, with a name.

    Raises:
        MissingExtraError: ``datasets`` is not installed.
        DataError: A sample's metadata is no JSON.
    """
    try:
        from datasets import Dataset, Features, List, Value
    except ImportError as error:
        raise MissingExtraError("datasets", "hub", "to_dataset") from error
    features = Features({"prompt": Value("string"), "references": List(Value("string")), "metadata": Value("string")})
    rows = [_row(sample) for sample in chosen_samples(task, split, count, options)]
    return Dataset.from_list(rows, features=features)


def _row(sample: Sample) -> dict[str, Any]:
    references = [_storable(text) for text in sample.references]
    return {"prompt": _storable(sample.prompt), "references": references, "metadata": metadata_json(sample)}


def _storable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
