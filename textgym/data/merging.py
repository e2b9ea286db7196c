"""Samples made of others: those of several files in a row, those of one prompt taken together, some of them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate, chain
from typing import Any

import numpy as np

from textgym.core import Sample
from textgym.data.fingerprints import of_samples
from textgym.derived import DerivedSamples


class Concatenated(DerivedSamples):
    """The samples of several sequences, one after the other."""

    def __init__(self, parts: Sequence[Sequence[Sample]]) -> None:
        self._parts = tuple(parts)
        self._firsts = [0, *accumulate(map(len, self._parts))]

    def __len__(self) -> int:
        return self._firsts[-1]

    def __iter__(self) -> Iterator[Sample]:
        return chain.from_iterable(self._parts)

    def _sample(self, i: int) -> Sample:
        part, row = self._found(i)
        return part[row]

    def _found(self, i: int) -> tuple[Sequence[Sample], int]:
        k = bisect_right(self._firsts, i) - 1
        return self._parts[k], i - self._firsts[k]

    def where(self, index: int) -> str:
        """Return the place of a row, for messages."""
        part, row = self._found(index)
        return _place(part, row)

    def fingerprint(self) -> str:
        """Return what changes when any part does."""
        return "+".join(map(of_samples, self._parts))


class ByPrompt(DerivedSamples):
    """Samples in which each prompt comes once, with all the references that it has in others.

    They stand in the order in which the prompts come first; metadata are those of the first sample. All prompts are
    read once, to find those that are alike; pickles hold the others alone, and unpickling looks again.

    Args:
        samples: The others.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        groups: dict[bytes, int] = {}
        of_rows = array("Q")
        for sample in samples:
            key = blake2b(sample.prompt.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            of_rows.append(groups.setdefault(key, len(groups)))
        numbers = np.frombuffer(of_rows, dtype=np.uint64)
        self._rows = np.argsort(numbers, kind="stable")
        self._firsts = np.searchsorted(numbers[self._rows], np.arange(len(groups) + 1, dtype=np.uint64))

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def _sample(self, i: int) -> Sample:
        first, *others = (self._samples[int(row)] for row in self._rows[self._firsts[i] : self._firsts[i + 1]])
        references = [*first.references, *(text for other in others for text in other.references)]
        return Sample(first.prompt, tuple(references), first.metadata)

    def where(self, index: int) -> str:
        """Return the place of the first row of a prompt, for messages."""
        return _place(self._samples, int(self._rows[self._firsts[index]]))

    def fingerprint(self) -> str:
        """Return what changes when the others do."""
        return f"by-prompt:{of_samples(self._samples)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return ByPrompt, (self._samples,)


def _place(samples: Sequence[Sample], index: int) -> str:
    where = getattr(samples, "where", "row {}".format)
    return str(where(index))


class EveryNth(DerivedSamples):
    """Every n-th sample of others, the n-th first; or, for the training split beside it, all but those.

    Args:
        samples: The others.
        n: At least 2.
        rest: Whether those that are no n-th are meant.
    """

    def __init__(self, samples: Sequence[Sample], n: int, *, rest: bool = False) -> None:
        self._samples, self._n, self._rest = samples, n, rest

    def __len__(self) -> int:
        chosen = len(self._samples) // self._n
        return len(self._samples) - chosen if self._rest else chosen

    def _sample(self, i: int) -> Sample:
        return self._samples[self._row(i)]

    def _row(self, i: int) -> int:
        return i + i // (self._n - 1) if self._rest else (i + 1) * self._n - 1

    def where(self, index: int) -> str:
        """Return the place of a row, for messages."""
        return _place(self._samples, self._row(index))

    def fingerprint(self) -> str:
        """Return what changes when the others do."""
        return f"every-{self._n}{'-not' if self._rest else ''}:{of_samples(self._samples)}"
