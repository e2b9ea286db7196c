"""The metrics of a run: lines of JSON that a killed run keeps, and that a resumed run continues without a seam."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.checkpoints.files import flush
from textgym.errors import CheckpointError


class MetricsFile:
    """One JSON object a line, each on disk's way before the next is made, so that a killed run keeps them.

    A line that the disk does not take is told on standard error, kept, and written with the next one.

    Args:
        path: The file; lines are added to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting = b""

    def write(self, values: Mapping[str, Any]) -> None:
        """Add a line; numbers that are not finite become null, which JSON can hold."""
        line = json.dumps(finite(values), ensure_ascii=False, allow_nan=False)
        self._waiting += f"{line}\n".encode()
        self._write_waiting()

    def _write_waiting(self) -> None:
        size = self.size
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(self._waiting) < len(self._waiting):
                    raise OSError("only a part of a line was written")
        except OSError as error:
            sys.stderr.write(f"error: {self.path} could not be written: {error}; learning goes on\n")
            if self.size > size:
                os.truncate(self.path, size)
        else:
            self._waiting = b""

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the lines; a last one that was cut off is left out."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def mark(self) -> int:
        """Put all lines on the disk; return their bytes, for :meth:`go_back`.

        Raises:
            CheckpointError: The disk does not take them.
        """
        if self._waiting:
            self._write_waiting()
        if self._waiting:
            raise CheckpointError(f"{self.path} lacks its last lines, which could not be written.")
        try:
            if self.path.is_file():
                flush(self.path)
        except OSError as error:
            raise CheckpointError(f"{self.path} could not be put on the disk: {error}.") from error
        return self.size

    def check(self, mark: int) -> None:
        """Raise CheckpointError if lines that a mark stands for have gone."""
        if self.size < mark:
            raise CheckpointError(f"{self.path} has {self.size} bytes and had {mark} then: lines have gone.")

    def go_back(self, mark: int) -> None:
        """Forget the lines that came after a mark."""
        if self.size > mark:
            os.truncate(self.path, mark)
            flush(self.path)


def finite(value: Any) -> Any:
    """Return JSON values with NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
