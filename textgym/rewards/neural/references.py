"""The references of samples that are not blank."""

from __future__ import annotations

from collections.abc import Sequence

from textgym.core import Sample
from textgym.errors import RewardError
from textgym.rewards.judge import excerpt


def filled_references(name: str, samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    """Return the references of each sample that are not blank.

    Args:
        name: Of the reward that asks.
        samples: Of one batch.

    Raises:
        RewardError: A sample has none.
    """
    filled = [tuple(text for text in sample.references if text.strip()) for sample in samples]
    if not all(filled):
        row = filled.index(())
        raise RewardError(
            f"The reward {name!r} needs at least one reference that is not empty, got {samples[row].references!r} at "
            f"row {row} (prompt {excerpt(samples[row].prompt)}): drop the sample or give it a reference."
        )
    return filled
