"""Text files in a zip archive, read where they lie: nothing is ever written to where a name in it says."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from textgym.data.lazy import FileSamples
from textgym.data.text import decoded
from textgym.data.unpacking import refuse_bomb
from textgym.errors import DataError

LINK = 0o120000  # of a Unix file's mode
KIND = 0o170000


class ZippedTexts(FileSamples):
    """A row for each ``.txt`` file of an archive, sorted by name: its path in the column ``name``, its ``text``.

    Raises:
        DataError: As for all files; or it is no whole zip archive, a name in it leads out of it, it holds a link or an
            encrypted file, or it unpacks to far more than text does.
    """

    form = "Put .txt files into it."

    def _index(self) -> Sequence[int]:
        with self._archive() as archive:
            found = archive.infolist()
        for member in found:
            self._refuse_unsafe(member)
        refuse_bomb(self.paths[0], self._files[0].stat().st_size, sum(member.file_size for member in found))
        self._members = sorted({one.filename for one in found if one.filename.lower().endswith(".txt")})
        return super()._index()

    def _refuse_unsafe(self, member: zipfile.ZipInfo) -> None:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        wrong = ""
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
            wrong = "leads out of it"
        elif (member.external_attr >> 16) & KIND == LINK:
            wrong = "is a link"
        elif member.flag_bits & 1:
            wrong = "is encrypted"
        if wrong:
            raise DataError(f"{self.name} is refused: {member.filename!r} {wrong}. Fetch the published archive again.")

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self._files[0]) as archive:
                yield archive
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise DataError(f"{self.name} is no whole zip archive ({error}): fetch it again.") from None

    def _records(self) -> Iterator[tuple[int, int, tuple[str, bytes]]]:
        with self._archive() as archive:
            for i, name in enumerate(self._members):
                yield i, i, (name, self._content(archive, name))

    def _content(self, archive: zipfile.ZipFile, name: str) -> bytes:
        """Return no more of a file than can be a row, whatever the archive says of its size."""
        with archive.open(name) as file:
            return file.read(self.rules.max_bytes + 1)

    def _fetch(self, key: int) -> tuple[str, bytes]:
        with self._archive() as archive:
            return self._members[key], self._content(archive, self._members[key])

    def _number(self, key: int) -> int:
        return key

    def _place(self, number: int) -> str:
        return f"{self.name}, {self._members[number]!r}"

    def _row(self, raw: tuple[str, bytes]) -> Mapping[str, Any]:
        name, content = raw
        return {"name": name, "text": decoded(content, self.rules, self._tally)}
