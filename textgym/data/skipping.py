"""What happens to a bad row: it stops everything, or it is passed over and counted."""

from __future__ import annotations

from typing import Literal

from textgym.errors import ConfigError, DataError, did_you_mean

OnBadRow = Literal["error", "skip"]
TOLD = 5  # reasons that are kept


class Skipped:
    """The bad rows of one file or list.

    Args:
        on_bad_row: ``"error"`` raises at the first; ``"skip"`` counts them.

    Attributes:
        wanted: Whether bad rows are skipped.
        count: How many were skipped.
        reasons: What was wrong with the first five.
    """

    def __init__(self, on_bad_row: OnBadRow = "error") -> None:
        if on_bad_row not in ("error", "skip"):
            known = did_you_mean(str(on_bad_row), ("error", "skip"))
            raise ConfigError(f"on_bad_row must be 'error' or 'skip', got {on_bad_row!r}. {known}")
        self.wanted = on_bad_row == "skip"
        self.count = 0
        self.reasons: list[str] = []

    def add(self, error: DataError) -> None:
        """Count a bad row, or raise what is wrong with it."""
        if not self.wanted:
            raise DataError(f'{error} Or pass on_bad_row="skip".') from None
        self.count += 1
        if len(self.reasons) < TOLD:
            self.reasons.append(str(error))

    def __str__(self) -> str:
        """Return a note for messages; empty when nothing was skipped."""
        return f" ({self.count} bad rows were skipped, the first: {self.reasons[0]})" if self.count else ""
