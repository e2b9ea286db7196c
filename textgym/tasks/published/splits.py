"""The splits of a published benchmark, each read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textgym.core import Sample
from textgym.data.merging import ByPrompt, EveryNth
from textgym.data.parts import Part
from textgym.tasks.published.files import Source, read_source
from textgym.tasks.published.shape import Rows

if TYPE_CHECKING:
    from textgym.tasks.published.task import PublishedTask


class Splits(Mapping[str, Sequence[Sample]]):
    """Samples by split.

    Args:
        task: Whose splits they are.
        sources: What each is read from; those that the task does not have are left out.

    Attributes:
        parts: What was read so far, with what was passed over.
    """

    def __init__(self, task: PublishedTask, sources: Mapping[str, Source]) -> None:
        self._task = task
        self._sources = {split: source for split, source in sources.items() if split in task.splits}
        self._held_out = task.held_out if "train" in sources and "validation" not in sources else None
        self.parts: dict[str, Part] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the splits that there are, in the task's order."""
        return (split for split in self._task.splits if split in self._sources or self._derived(split))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split."""
        if self._held_out is None or split == "test":
            return self._read(split)
        return EveryNth(self._read("train"), self._held_out, rest=split == "train")

    def _derived(self, split: str) -> bool:
        return split == "validation" and self._held_out is not None

    def _read(self, split: str) -> Sequence[Sample]:
        if split not in self.parts:
            source = self._sources[split]
            rules = replace(self._task.rules, shape=Rows(self._task, split, source.languages))
            part = read_source(source, rules, split)
            samples = ByPrompt(part.samples) if self._task.merged else part.samples
            self.parts[split] = Part(samples, part.skipped)
        return self.parts[split].samples
