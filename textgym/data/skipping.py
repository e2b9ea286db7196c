"""What happens to a bad row: it stops everything, or it is passed over and counted."""

from __future__ import annotations

from typing import Literal

from textgym.errors import ConfigError, DataError, did_you_mean

OnBadRow = Literal["error", "skip"]
TOLD = 5  # bad rows that are told


class Skipped:
    """The bad rows of one file or list, and what was left out of the others.

    Args:
        on_bad_row: ``"error"`` raises, telling up to five bad rows at once; ``"skip"`` counts them.

    Attributes:
        wanted: Whether bad rows are skipped.
        count: How many were skipped.
        reasons: What was wrong with the first five.
        blanks: How many blank references were left out of good rows, of those rows that were read at opening.
        replaced: How many rows had bytes that are not UTF-8 and were replaced.
    """

    def __init__(self, on_bad_row: OnBadRow = "error") -> None:
        if on_bad_row not in ("error", "skip"):
            known = did_you_mean(str(on_bad_row), ("error", "skip"))
            raise ConfigError(f"on_bad_row must be 'error' or 'skip', got {on_bad_row!r}. {known}")
        self.wanted = on_bad_row == "skip"
        self.count = 0
        self.reasons: list[str] = []
        self.blanks = 0
        self.replaced = 0
        self._places: list[str] = []

    def add(self, place: str, error: DataError) -> None:
        """Note a bad row; where rows are not skipped, the fifth raises.

        Args:
            place: The file and line, or what else names the row; the message begins with it.
            error: What is wrong, to follow the place.
        """
        self.count += 1
        if len(self.reasons) < TOLD:
            self.reasons.append(f"{place}{error}")
            self._places.append(place.replace("\\", "/").rpartition("/")[2])
        if not self.wanted and self.count == TOLD:
            self.finish()

    def finish(self) -> None:
        """Raise what was wrong, where rows are not skipped."""
        if self.count and not self.wanted:
            others = f" Bad too: {', '.join(self._places[1:])}." if self._places[1:] else ""
            raise DataError(f'{self.reasons[0]}{others} Or pass on_bad_row="skip".')

    def __str__(self) -> str:
        """Return a note for messages; empty when nothing was skipped."""
        return f" ({self.count} bad rows were skipped, the first: {self.reasons[0]})" if self.count else ""
