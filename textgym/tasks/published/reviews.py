"""Reviews to be continued: the first half is the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.errors import DataError
from textgym.tasks.published.task import PublishedTask


class ReviewContinuation(PublishedTask):
    """Go on with a review; how positive it sounds is the reward, so that no reference is needed."""

    columns: tuple[str, ...] = ("text",)
    reward = "sentiment"
    max_prompt_tokens = 64  # the prompt loses its first words: the last of the first half are shown
    max_new_tokens = 48

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return the first half of a review, by words, and the second."""
        words = text_of(row, "text").split()
        if len(words) < 2:
            raise DataError(f": a review of {len(words)} word has no two halves. Remove the row.")
        half = len(words) // 2
        return Sample(" ".join(words[:half]), (" ".join(words[half:]),), {"label": self.label(row)})

    def label(self, row: Mapping[str, Any]) -> int | None:
        """Return 1 for a positive review, 0 for a negative one, None where it is not told."""
        label = row.get("label")
        return label if label in (0, 1) else None
