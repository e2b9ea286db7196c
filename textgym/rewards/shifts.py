"""The number of edits of TER (Snover et al., 2006): insertions, deletions, substitutions, and shifts of phrases."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from textgym.rewards.banded import Alignment, BandedDistance, Row
from textgym.rewards.positions import Positions

# the limits of Tercom and sacrebleu
LONGEST_SHIFT = 10  # words
FARTHEST_SHIFT = 50  # words
MOST_CANDIDATES = 1000  # shifts that are tried for one text

Shift = tuple[int, int, int]  # where from, how many words, where to


class Target:
    """A reference whose edits are counted.

    Args:
        words: Its words.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.positions = Positions(self.words)
        self.places: dict[str, list[int]] = {}
        for i, word in enumerate(self.words):
            self.places.setdefault(word, []).append(i)

    def edits(self, words: Sequence[str]) -> int:
        """Return how many edits turn ``words`` into the reference, as sacrebleu's greedy search finds them."""
        if not self.words:
            return len(words)
        text, shifts, tried = list(words), 0, 0
        table = BandedDistance(self.positions, len(text))
        rows = table.rows(text)
        while True:
            gain, shift, tried = self._best(table, rows, text, tried)
            if tried >= MOST_CANDIDATES or gain <= 0 or shift is None:
                return shifts + table.distance(rows)
            text, start, _ = moved(text, shift)
            rows = table.rows(text, rows[: start + 1])
            shifts += 1

    def _best(
        self, table: BandedDistance, rows: list[Row], text: list[str], tried: int
    ) -> tuple[int, Shift | None, int]:
        """Return the greatest gain, its shift, and how many shifts were tried up to now."""
        present = table.distance(rows)
        alignment = table.align(rows)
        best: tuple[int, int, int, int] | None = None
        gains: dict[Shift, int] = {}  # several places of the reference may ask for the same shift
        for start, place, length in self._pairs(text):
            for to in self._targets(alignment, start, place, length):
                shift = (start, length, to)
                if shift not in gains:
                    gains[shift] = present - table.changed(rows, *moved(text, shift))
                tried += 1
                # the greatest gain; among equals the longest, then the one from and to the earliest place
                candidate = (gains[shift], length, -start, -to)
                best = candidate if best is None else max(best, candidate)
            if tried >= MOST_CANDIDATES:
                break
        return (0, None, tried) if best is None else (best[0], (-best[2], best[1], -best[3]), tried)

    def _pairs(self, text: list[str]) -> Iterator[Shift]:
        """Yield (place in the text, place in the reference, length) of equal phrases, not too far from each other."""
        for start, word in enumerate(text):
            places = self.places.get(word, ())
            for place in places[bisect_left(places, start - FARTHEST_SHIFT) :]:
                if place > start + FARTHEST_SHIFT:
                    break
                most = min(LONGEST_SHIFT, len(text) - start, len(self.words) - place)
                for length in range(1, most + 1):
                    if text[start + length - 1] != self.words[place + length - 1]:
                        break
                    yield start, place, length

    def _targets(self, alignment: Alignment, start: int, place: int, length: int) -> Iterator[int]:
        """Yield where a phrase may go: before and into the place of its twin, if both stand wrong now."""
        places, text_errors, reference_errors = alignment
        if text_errors[start + length] == text_errors[start]:
            return
        if reference_errors[place + length] == reference_errors[place]:
            return
        if start <= places[place] < start + length:
            return
        last = -1
        for i in range(place - 1, place + length):
            to = places[i] + 1 if i >= 0 else 0
            if to != last:
                yield to
            last = to


def moved(words: list[str], shift: Shift) -> tuple[list[str], int, int]:
    """Return the words after a shift, and the range [start, stop) outside of which nothing changed."""
    start, length, to = shift
    phrase = words[start : start + length]
    if to < start:
        return words[:to] + phrase + words[to:start] + words[start + length :], to, start + length
    # a target within the phrase itself moves it on by so many words, as in sacrebleu
    stop = to if to > start + length else to + length
    return words[:start] + words[start + length : stop] + phrase + words[stop:], start, min(stop, len(words))
