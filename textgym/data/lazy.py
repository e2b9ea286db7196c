"""Samples that are read when they are asked for: what all readers share."""

from __future__ import annotations

import operator
import os
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, overload
from weakref import WeakValueDictionary

from textgym.core import Sample
from textgym.data.columns import Fields, guess_fields
from textgym.data.fingerprints import of_files
from textgym.data.rows import sample_of
from textgym.data.rules import PLAIN, Rules
from textgym.data.shapes import shaped_samples
from textgym.data.skipping import Skipped
from textgym.data.unpacking import unpacked
from textgym.errors import DataError

CHECKED = 10_000  # rows that are checked whole at opening, which takes 0.1 s
REMEMBERED = 4_096  # samples that are kept

Stamp = tuple[int, int]


class LazySamples(Sequence[Sample], ABC):
    """The samples of something that has rows.

    Opening checks the first 10,000 rows in full (all of them when bad rows are skipped, or when a row may give any
    number of samples); the others are checked when they are read, but for what a reader can see at a glance. A subclass
    tells how rows are found, read and named. A raw row is whatever it likes; each has a key, a number that finds it
    again; the keys of a row with several samples stand once for each.

    Args:
        rules: How rows are read.

    Attributes:
        skipped: What was passed over.

    Raises:
        DataError: There is no row, or a row is bad; the message tells where.
    """

    def __init__(self, rules: Rules = PLAIN) -> None:
        self.rules = rules
        self.skipped = Skipped(rules.on_bad_row)
        self._fields: Fields | None = None
        self._tally: Skipped | None = self.skipped  # rows are counted at opening only
        self._keys = self._index()
        self._tally = None
        self.skipped.finish()
        if not self._keys:
            raise DataError(f"{self.name} has 0 rows{self.skipped}. {self.form}")
        self._sample = lru_cache(REMEMBERED)(self._read)

    name: str
    """What the rows come from, for messages."""

    form: str = "Give it at least one."
    """What to write, for a file without rows."""

    @abstractmethod
    def _records(self) -> Iterator[tuple[int, int, Any]]:
        """Yield the key of each row, its number for people and the raw row, or in place of it what is wrong."""

    @abstractmethod
    def _raw(self, key: int) -> Any:
        """Return one raw row."""

    @abstractmethod
    def _row(self, raw: Any) -> Mapping[str, Any]:
        """Return a raw row as named fields; errors begin with what follows the place."""

    @abstractmethod
    def _number(self, key: int) -> int:
        """Return the number of a row for people."""

    def _place(self, number: int) -> str:
        """Return what names a row in messages."""
        return f"{self.name}:{number}"

    def _glance(self, raw: Any) -> None:
        """Refuse what can be seen to be bad at a fraction of the cost of reading it."""

    def where(self, index: int) -> str:
        """Return the place of a row, for messages: it is looked for only when there is something to tell."""
        return self._place(self._number(self._keys[index]))

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{self.name} has {len(self)} rows: there is no row {i}.")
        return self._sample(i % len(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {len(self)} rows{self.skipped})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # samples never change

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_sample"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._sample = lru_cache(REMEMBERED)(self._read)

    def __iter__(self) -> Iterator[Sample]:
        """Yield all samples in order, at a fraction of the cost of one by one."""
        wanted = iter(self._keys)
        next_key = next(wanted)
        for key, number, raw in self._records():
            if key != next_key:
                continue
            try:
                samples = self._parse(raw)
            except DataError as error:
                raise self._told(self._place(number), error) from None
            for sample in samples:
                yield sample
                next_key = next(wanted, -1)

    def _index(self) -> Sequence[int]:
        """Return the keys of the good rows, in ascending order."""
        return self._checked(self._records())

    def _checked(self, records: Iterable[tuple[int, int, Any]]) -> Sequence[int]:
        keys = array("Q")
        for key, number, raw in records:
            try:
                if isinstance(raw, DataError):
                    raise raw
                count = self._count(raw, whole=self.rules.read_all or len(keys) < CHECKED)
            except DataError as error:
                self.skipped.add(self._place(number), error)
            else:
                keys.extend([key] * count)
        return keys

    def _count(self, raw: Any, whole: bool) -> int:
        """Return how many samples a row has."""
        if whole:
            return len(self._parse(raw))
        self._glance(raw)
        return 1

    def _read(self, i: int) -> Sample:
        raw = self._raw(self._keys[i])
        try:
            samples = self._parse(raw)
            return samples[i - bisect_left(self._keys, self._keys[i]) if len(samples) > 1 else 0]
        except DataError as error:
            raise self._told(self.where(i), error) from None

    def _told(self, place: str, error: DataError) -> DataError:
        return DataError(f'{place}{error} Or pass on_bad_row="skip".')

    def _parse(self, raw: Any) -> tuple[Sample, ...]:
        row = self._row(raw)
        if self.rules.shape is not None:
            return shaped_samples(row, self.rules.shape, self.rules, self._tally)
        if self._fields is None:
            self._fields = guess_fields(row, columns=self.rules.columns)
        return (sample_of(row, self._fields, rules=self.rules, tally=self._tally),)


class FileSamples(LazySamples):
    """The samples of one file, or of several that belong together.

    Within a process, a file is opened once: :meth:`open` returns what is open already. No file stays open, and pickles
    hold the paths alone: unpickling opens the files again and refuses them if they changed.

    Args:
        paths: The files; a ``.gz`` file is unpacked first.
        rules: How rows are read.

    Raises:
        DataError: As for all samples, or a file cannot be read.
    """

    def __init__(self, *paths: Path, rules: Rules = PLAIN) -> None:
        self.paths = tuple(path.absolute() for path in paths)
        self.name = str(self.paths[0])
        try:
            self.stamps = stamps_of(self.paths)
            self._files = tuple(map(unpacked, self.paths))
            super().__init__(rules)
        except OSError as error:
            raise DataError(f"{self.name} cannot be read: {error.strerror or error}. Check its permissions.") from error

    @classmethod
    def open(cls, *paths: Path, rules: Rules = PLAIN) -> Self:
        """Return the samples of files; the same object for the same files, as long as they do not change."""
        paths = tuple(path.absolute() for path in paths)
        try:
            key = (cls, paths, stamps_of(paths), rules)
        except OSError:
            return cls(*paths, rules=rules)  # which tells what is wrong
        found = _open_files.get(key)
        if found is None:
            found = _open_files[key] = cls(*paths, rules=rules)
        return found  # type: ignore[return-value]  # the key has the class

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (type(self), self.paths, self.rules, self.stamps)

    def fingerprint(self) -> str:
        """Return what changes when the content of a file does."""
        self.refuse_if_changed()
        return of_files(self.paths)

    def refuse_if_changed(self) -> None:
        """Raise DataError when a file is not as it was at opening."""
        try:
            changed = stamps_of(self.paths) != self.stamps
        except OSError as error:
            raise DataError(f"{self.name} could be opened, and now cannot be read: {error.strerror}.") from error
        if changed:
            raise DataError(f"{self.name} changed after it was opened: make the environment again.")

    def __iter__(self) -> Iterator[Sample]:
        self.refuse_if_changed()
        return super().__iter__()

    def _raw(self, key: int) -> Any:
        self.refuse_if_changed()
        try:
            if not all(map(os.path.exists, self._files)):  # somebody emptied the cache
                self._files = tuple(map(unpacked, self.paths))
            return self._fetch(key)
        except OSError as error:
            raise DataError(f"{self.name} could be opened, and now cannot be read: {error.strerror}.") from error

    @abstractmethod
    def _fetch(self, key: int) -> Any:
        """Return one raw row of files that are as they were."""


def stamps_of(paths: Sequence[Path]) -> tuple[Stamp, ...]:
    """Return the size and the time of change, in nanoseconds, of each file."""
    return tuple((status.st_size, status.st_mtime_ns) for status in map(os.stat, paths))


def _opened_again(kind: type[FileSamples], paths: tuple[Path, ...], rules: Rules, stamps: Any) -> FileSamples:
    samples = kind.open(*paths, rules=rules)
    if samples.stamps != stamps:
        raise DataError(f"{samples.name} changed after it was opened: make the environment again.")
    return samples


_open_files: WeakValueDictionary[tuple[Any, ...], FileSamples] = WeakValueDictionary()
