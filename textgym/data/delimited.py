"""CSV and TSV, read lazily: an index of the byte offset of each record at opening, a record parsed when asked for."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from textgym.data.lazy import FileSamples
from textgym.data.rules import PLAIN, Rules
from textgym.data.text import decoded, line_number, lines, text_start
from textgym.errors import DataError

Record = list[str] | DataError

# what the csv module says, and what a user can do
ADVICE = {
    "unexpected end of data": "a quote is opened and never closed. Close it, or pass quotes=False if quotes are text.",
    "expected after": "text stands right behind a closing quote. Double the quotes within a quoted field, or pass "
    "quotes=False if quotes are text.",
    "field larger than field limit": "a field is longer than the csv module takes ({error}), perhaps because a quote "
    "is never closed. Close it, pass quotes=False if quotes are text, or raise csv.field_size_limit.",
    "new-line character seen": "a carriage return stands within a field. End lines with a line feed.",
}


class Delimited(FileSamples):
    """The samples of a file whose fields stand between separators, below a line with their names.

    The standard library's ``csv`` reads it, strictly. Where quotes enclose fields, separators and line ends between
    them are text, a quote is doubled, and nothing may follow the closing quote but a separator or the line's end.
    Blank lines are passed over. Opening reads all records; each must have as many fields as the first.
    """

    separator: ClassVar[str]
    quoted: ClassVar[bool]
    """Whether quotes enclose fields, unless the rules say otherwise."""

    form = "Write a line with the names of the columns, then the rows."

    def __init__(self, *paths: Path, rules: Rules = PLAIN) -> None:
        self._names: list[str] = []
        super().__init__(*paths, rules=rules)

    def _records(self) -> Iterator[tuple[int, int, Record]]:
        with open(self._files[0], "rb") as file:
            records = self._split(file, text_start(file, self.paths[0]), 1)
            if not self.rules.columns.by_position:
                self._header(records)
            yield from records

    def _header(self, records: Iterator[tuple[int, int, Record]]) -> None:
        """Take the names from the first record."""
        for _, number, names in records:
            if isinstance(names, DataError):
                raise DataError(f"{self._place(number)}{names}")
            double = next((name for name in names if names.count(name) > 1), None)
            if double is not None:
                raise DataError(
                    f"{self._place(number)}: the header names {double!r} twice. Rename one; or, if this line is no "
                    'header, pass columns={"prompt": 0, "references": 1}, positions from 0 on.'
                )
            self._names = names
            return

    def _split(self, file: BinaryIO, start: int, number: int) -> Iterator[tuple[int, int, Record]]:
        """Yield the offset, the line number and the fields of each record, from a line on.

        Of a record that is wrong the first line alone is passed over, so that a quote that is never closed does not
        take the rest of the file with it.
        """
        feed = _Feed(self, file, start, number)
        reader = self._reader(feed)
        while True:
            at, number = feed.at, feed.number
            try:
                fields = next(reader)
            except StopIteration:
                return
            except (csv.Error, DataError) as error:
                yield at, feed.number if isinstance(error, DataError) else number, _told(error)
                _, end, _ = next(lines(file, at, self.rules.max_bytes))
                feed = _Feed(self, file, end, number + 1, counted=feed.at)
                reader = self._reader(feed)
            else:
                if fields:
                    yield at, number, fields

    def _reader(self, feed: _Feed) -> Iterator[list[str]]:
        quoted = self.quoted if self.rules.quotes is None else self.rules.quotes
        return csv.reader(
            feed, delimiter=self.separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
        )

    def _fetch(self, key: int) -> Record:
        with open(self._files[0], "rb") as file:
            return next(self._split(file, key, 1))[2]

    def _number(self, key: int) -> int:
        with open(self._files[0], "rb") as file:
            return line_number(file, key)

    def _row(self, raw: Record) -> Mapping[str, Any]:
        self._glance(raw)
        return dict(zip(self._names, raw, strict=True))  # type: ignore[arg-type]  # the glance refuses errors

    def _glance(self, raw: Record) -> None:
        if isinstance(raw, DataError):
            raise raw
        if not self._names:
            self._names = [str(position) for position in range(len(raw))]
        if len(raw) != len(self._names):
            raise DataError(
                f": {len(raw)} fields, and the first line has {len(self._names)}: "
                f"{', '.join(map(repr, self._names))}. Mend the row, or the quotes around its fields."
            )


class CSV(Delimited):
    """Fields between commas; quotes enclose those that hold commas, quotes or line ends (RFC 4180)."""

    separator = ","
    quoted = True


class TSV(Delimited):
    """Fields between tabs; quotes are text, as nothing encloses fields in this format (IANA's definition).

    Programs that write tables as spreadsheets do enclose some fields in quotes all the same: ``quotes=True``.
    """

    separator = "\t"
    quoted = False


class _Feed:
    """The lines of a file as text for the csv module, which takes as many as a record has.

    Attributes:
        at: The offset behind the last line that was taken.
        number: The number of the next line.
    """

    def __init__(self, samples: Delimited, file: BinaryIO, start: int, number: int, counted: int = 0) -> None:
        self.at, self.number = start, number
        self._samples, self._file, self._counted = samples, file, counted

    def __iter__(self) -> Iterator[str]:
        rules, tally = self._samples.rules, self._samples._tally
        for _, end, line in lines(self._file, self.at, rules.max_bytes):
            # after a wrong record some lines come again
            text = decoded(line, rules, tally if end > self._counted else None)
            self.at = end
            self.number += 1
            yield text


def _told(error: csv.Error | DataError) -> DataError:
    if isinstance(error, DataError):
        return error
    advice = next((advice for start, advice in ADVICE.items() if start in str(error)), "{error}.")
    return DataError(f": {advice.format(error=error)}")
