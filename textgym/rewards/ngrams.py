"""The n-grams of references by number, and how many of them a text has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Any

Table = dict[Any, int]
NOTHING: set[int] = set()


class Ngrams:
    """The n-grams of one or several texts, each with a number.

    A longer n-gram is known by the numbers of the two that it consists of, one item apart, so every step is one
    look-up of a pair whatever the order. Memory is about 150 bytes for each n-gram.

    Args:
        orders: The greatest order.
        texts: Each a list of tokens.

    Attributes:
        tables: For each order the numbers: of items for order 1, of pairs of numbers beyond.
        clips: For each number how often the text that has the n-gram most has it.
        lengths: How many items each text has.
    """

    __slots__ = ("_repeated", "clips", "lengths", "tables")

    def __init__(self, orders: int, *texts: Sequence[str]) -> None:
        self.tables: list[Table] = [{} for _ in range(orders)]
        self.clips: list[int] = []
        self.lengths = [len(text) for text in texts]
        for text in texts:
            keys: Sequence[Hashable] = text
            for table in self.tables:
                self._learn(table, keys)
                numbers = list(map(table.__getitem__, keys))
                keys = list(pairwise(numbers))
        self._repeated = {number for number, clip in enumerate(self.clips) if clip > 1}

    def _learn(self, table: Table, keys: Iterable[Hashable]) -> None:
        clips = self.clips
        for key, count in Counter(keys).items():
            number = table.setdefault(key, len(clips))
            if number == len(clips):
                clips.append(count)
            elif count > clips[number]:
                clips[number] = count

    def matches(self, items: Sequence[str]) -> list[int]:
        """Return for each order how many n-grams of ``items`` the texts hold.

        An n-gram counts as often as it occurs in ``items``, but not more often than in the text that has it most
        (clipping: Papineni et al., 2002, section 2.1.1).
        """
        matches = [0] * len(self.tables)
        keys: Iterable[Any] = items
        repeated = self._repeated
        for order, table in enumerate(self.tables):
            numbers: list[Any] = list(map(table.get, keys))
            present = set(numbers)
            present.discard(None)
            found = len(present)
            if not found:
                break  # a longer n-gram holds a shorter one
            # only what the texts hold several times can match again, and only where a shorter one did
            if repeated:
                again = present & repeated
                further = self._further(numbers, again) if again else None
                if further is None:
                    repeated = NOTHING
                else:
                    found += further
            matches[order] = found
            keys = pairwise(numbers)
        return matches

    def _further(self, numbers: list[int], grams: set[int]) -> int | None:
        """Return how many matches of ``grams`` there are beyond the first of each; None where none occurs again."""
        occurrences = [gram for gram in numbers if gram in grams]
        if len(occurrences) == len(grams):
            return None
        counts: dict[int, int] = {}
        for gram in occurrences:
            counts[gram] = counts.get(gram, 0) + 1
        clips, further = self.clips, 0
        for gram, count in counts.items():
            if count > 1:
                clip = clips[gram]
                further += (count if count < clip else clip) - 1
        return further


class GrowingMatches:
    """What :meth:`Ngrams.matches` counts, item by item.

    Args:
        ngrams: Those of the references.

    Attributes:
        matches: For each order, the matches so far.
        length: How many items there are so far.
    """

    __slots__ = ("_clips", "_ends", "_first", "_longer", "_opened", "_used", "length", "matches")

    def __init__(self, ngrams: Ngrams) -> None:
        self._clips = ngrams.clips
        self._first, *self._longer = [table.get for table in ngrams.tables]
        self.length = 0
        self.matches = [0] * len(ngrams.tables)
        self._ends: list[int] = []  # of the n-grams that end the text, by order from 1, as far as they are known
        self._used: dict[int, int] = {}

    def take(self, items: Iterable[str]) -> list[tuple[int, int]]:
        """Append items; return the order, from 0, and the number of each match."""
        taken: list[tuple[int, int]] = []
        ends, clips, used, matches = self._ends, self._clips, self._used, self.matches
        for item in items:
            self.length += 1
            gram = self._first(item)
            if gram is None:
                ends = []
                continue
            grams = [gram]
            for before, longer in zip(ends, self._longer, strict=False):
                gram = longer((before, gram))
                if gram is None:
                    break  # a longer n-gram holds a shorter one
                grams.append(gram)
            for order, gram in enumerate(grams):
                count = used.get(gram, 0)
                if count < clips[gram]:
                    used[gram] = count + 1
                    matches[order] += 1
                    taken.append((order, gram))
            ends = grams
        self._ends = ends
        return taken

    def open(self, items: Iterable[str]) -> None:
        """Append items that :meth:`drop` may take back."""
        before = self.length, self._ends
        self._opened = *before, self.take(items)

    def drop(self) -> None:
        """Take back what was opened last."""
        self.length, self._ends, taken = self._opened
        for order, gram in taken:
            self._used[gram] -= 1
            self.matches[order] -= 1
