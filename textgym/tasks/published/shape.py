"""What the rows of a published benchmark mean: the shape that readers are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgym.core import Sample

if TYPE_CHECKING:
    from textgym.tasks.published.task import PublishedTask


@dataclass(frozen=True)
class Rows:
    """What the rows of one split mean.

    Attributes:
        task: Whose rows they are.
        split: The split that they are read for.
        languages: Of parallel text, which is what: the names of the files in order.
    """

    task: PublishedTask
    split: str
    languages: tuple[str, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether a row may give no sample, or several."""
        return self.task.varies

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row must have."""
        return self.languages or self.task.columns

    def named(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row under the names of the published columns."""
        names = self.languages or (dict(self.task.aliases).get(name, name) for name in row)
        return dict(zip(names, row.values(), strict=True))

    def samples(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return the samples of a row."""
        if not self.task.varies:
            return (self.task.sample(row),)
        return tuple(self.task.unfolded(row)) if self.task.holds(row, self.split) else ()
