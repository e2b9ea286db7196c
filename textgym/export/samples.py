"""Which samples of a task are exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from textgym.arguments import whole_number
from textgym.core import Sample, Task
from textgym.errors import ConfigError, DataError
from textgym.registration import make_task
from textgym.sources import split_samples


def chosen_samples(task: str | Task, split: str, count: int | None, options: dict[str, Any]) -> Iterator[Sample]:
    """Yield the first ``count`` samples of a split, all of them where it is None.

    Args:
        task: A registered name or a Task.
        split: Which split.
        count: At least 1; a split that has fewer gives what it has.
        options: For the task's constructor, with a name.
    """
    if count is not None and whole_number("count", count) < 1:
        raise ConfigError(f"count must be at least 1, got {count}.")
    samples = split_samples(make_task(task, **options), split)
    total = len(samples) if count is None else min(count, len(samples))
    return (samples[i] for i in range(total))


def metadata_json(sample: Sample, **options: Any) -> str:
    """Return the metadata of a sample as JSON.

    Raises:
        DataError: A value is nothing that JSON can hold.
    """
    try:
        return json.dumps(dict(sample.metadata), allow_nan=False, **options)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The metadata of the sample {sample.prompt!r:.80} cannot be written as JSON: {error}. Give it text, "
            "numbers, lists and dicts only."
        ) from error
