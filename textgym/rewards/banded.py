"""The edit distance that TER uses: in a band around the diagonal, many times over for texts that differ a little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from textgym.rewards.positions import Positions

BEAM = 25  # columns on each side of the diagonal, as in Tercom and sacrebleu


class Row(NamedTuple):
    """A row of the dynamic-programming table, after i words of the text: columns ``low[i]`` to ``high[i]``.

    Attributes:
        up: Bit k is set where column ``low[i] + 1 + k`` is one more than the column before it.
        down: The same for one less.
        value: The distance at column ``low[i]``.
        first: The column that comes before bit 0 of the following three, which tell how the best path enters a cell.
        diagonal: Set where it comes from both words before: a match or a substitution.
        above: Set where it comes from the word of the text before: a deletion. An insertion elsewhere.
        match: Set where the words are equal.
    """

    up: int
    down: int
    value: int
    first: int = 0
    diagonal: int = 0
    above: int = 0
    match: int = 0


class Alignment(NamedTuple):
    """How the words of a text and of the reference are paired.

    Attributes:
        places: For each word of the reference the word of the text that it was paired with, or that came before.
        text_errors: How many of the first i words of the text are wrong, for i from 0.
        reference_errors: The same for the reference.
    """

    places: list[int]
    text_errors: list[int]
    reference_errors: list[int]


class BandedDistance:
    """Edit distances to a reference of texts of ``length`` words, as sacrebleu's ``BeamEditDistance`` finds them.

    What lies outside of the band costs infinitely much. The band is a bit vector that slides along (Myers, 1999; Hyyrö,
    2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances", section 5): a row costs a dozen
    operations on integers. The differences between neighbours in the band are -1, 0 or 1 as in the full table, since
    the band only moves to the right.

    Args:
        reference: At least one word.
        length: How many words each text has.
    """

    def __init__(self, reference: Positions, length: int) -> None:
        self.columns = columns = reference.length
        self.where = reference.where
        ratio = columns / length if length else 1.0
        beam = math.ceil(ratio / 2 + BEAM) if ratio / 2 > BEAM else BEAM
        centres = [math.floor(i * ratio) for i in range(1, length + 1)]
        self.low = [0, *(max(0, centre - beam) for centre in centres)]
        self.high = [columns, *(min(columns, centre + beam - 1) for centre in centres)]
        self.high[-1] = columns

    def rows(self, words: Sequence[str], known: Sequence[Row] = ()) -> list[Row]:
        """Return all rows for ``words``; the first ``len(known)`` are those."""
        rows = list(known) or [Row((1 << self.columns) - 1, 0, 0)]
        for i in range(len(rows), len(words) + 1):
            rows.append(self.step(i, rows[-1], words[i - 1]))
        return rows

    def step(self, i: int, row: Row, word: str) -> Row:
        """Return row i from the row before it."""
        up, down, value = row[:3]
        low, before = self.low[i], self.low[i - 1]
        # a band that moves is extended by a column on its left, from which nothing good can come
        first = low - (low > before)
        if first > before:
            gone = (1 << first - before) - 1
            value += (up & gone).bit_count() - (down & gone).bit_count()
            up, down = up >> first - before, down >> first - before
        width, reach = self.high[i] - first, self.high[i - 1] - first
        full = enterable = (1 << width) - 1
        if reach < width:  # beyond the end of the row before, only insertions lead on
            up |= full ^ (1 << reach) - 1
            enterable = (2 << reach) - 1 & full
        match = self.where.get(word, 0) >> first & enterable
        up, down = up & full, down & full
        same = ((match & up) + up ^ up) | match | down
        above = down | full & ~(same | up)
        shifted = above << 1 | 1
        new_up = ((same & up) << 1 | ~(same | shifted)) & full
        new_down = shifted & same & full
        value += 1
        if first < low:
            value += (new_up & 1) - (new_down & 1)
            new_up, new_down = new_up >> 1, new_down >> 1
        return Row(new_up, new_down, value, first, (match | ~same) & enterable, above, match)

    def distance(self, rows: Sequence[Row]) -> int:
        """Return the distance that all rows of a text lead to."""
        return self.end(rows[-1])

    def end(self, row: Row) -> int:
        """Return the distance at the last column of the last row."""
        return row.value + row.up.bit_count() - row.down.bit_count()

    def changed(self, rows: Sequence[Row], words: Sequence[str], start: int, stop: int) -> int:
        """Return the distance of ``words``, which differ from those of ``rows`` in [start, stop) only."""
        row = rows[start]
        for i in range(start + 1, len(rows)):
            row = self.step(i, row, words[i - 1])
            known = rows[i]
            if i >= stop and row.up == known.up and row.down == known.down:
                return self.distance(rows) + row.value - known.value  # from here on, the same words, the same steps
        return self.end(row)

    def align(self, rows: Sequence[Row]) -> Alignment:
        """Return the path that sacrebleu takes: a pair of words where it can, else a deletion, else an insertion."""
        i, j = len(rows) - 1, self.columns
        places, text, reference = [0] * j, [0] * (i + 1), [0] * (j + 1)
        while i or j:
            row = rows[i]
            bit = j - row.first - 1
            if i and (bit < 0 or (not row.diagonal >> bit & 1 and row.above >> bit & 1)):
                text[i] = 1
                i -= 1
                continue
            places[j - 1] = i - 1
            paired = i and row.diagonal >> bit & 1
            reference[j] = wrong = int(not paired or not row.match >> bit & 1)
            if paired:
                text[i] = wrong
                i -= 1
            j -= 1
        return Alignment(places, _sums(text), _sums(reference))


def _sums(marks: list[int]) -> list[int]:
    total = 0
    return [total := total + mark for mark in marks]
