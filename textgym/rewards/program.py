"""A program that reads questions and writes answers, one JSON text a line."""

from __future__ import annotations

import os
import signal
import subprocess
import weakref
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

from textgym.rewards.outside import LONGEST_ANSWER, OutsideError

TAIL = 20  # lines of standard error that are told when a program dies
GRACE = 2.0  # seconds for a killed program to be gone


class Program:
    """A running program with a group of processes of its own.

    Args:
        command: The program and its arguments; no shell reads them.
    """

    def __init__(self, command: list[str]) -> None:
        self.command = command
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except (OSError, ValueError) as error:
            raise OutsideError(f"the program {command[0]!r} cannot be started: {error}.", lasting=True) from error
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._told: deque[str] = deque(maxlen=TAIL)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._end = weakref.finalize(self, _kill, self._process)
        Thread(target=_read_answers, args=(self._process.stdout, self._lines), daemon=True).start()
        self._listener = Thread(target=_read_errors, args=(self._process.stderr, self._told), daemon=True)
        self._listener.start()

    def ask(self, question: bytes, timeout: float) -> bytes:
        """Write a line and return the next one; after an error the program is of no more use.

        Raises:
            OutsideError: No line came in time, a longer one than ``LONGEST_ANSWER``, or the program ended.
        """
        Thread(target=self._write, args=(question + b"\n",), daemon=True).start()  # a full pipe would block
        try:
            line = self._lines.get(timeout=timeout)
        except Empty:
            problem = f"the program {self.command[0]!r} gave no answer within {timeout:.3g} s."
            raise OutsideError(problem, late=True) from None
        if line is None:
            raise OutsideError(self._death())
        if len(line) > LONGEST_ANSWER:
            raise OutsideError(f"the program {self.command[0]!r} answers with more than {LONGEST_ANSWER} bytes.", True)
        return line

    def close(self) -> None:
        """End the program and all that it started."""
        self._end()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # it is gone: whoever waits for its answer hears of it
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def _death(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE)
        self._listener.join(GRACE)
        code = self._process.returncode
        how = "closed its output" if code is None else f"ended with code {code}"
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        said = f" Its last words: {' / '.join(self._told)}" if self._told else ""
        return f"the program {self.command[0]!r} {how}.{said}"


def _read_answers(stream: IO[bytes], lines: SimpleQueue[bytes | None]) -> None:
    with suppress(OSError, ValueError):
        while line := stream.readline(LONGEST_ANSWER + 2):
            lines.put(line.rstrip(b"\r\n"))
    lines.put(None)


def _read_errors(stream: IO[bytes], told: deque[str]) -> None:
    with suppress(OSError, ValueError):
        while line := stream.readline(1000):
            if text := line.decode("utf-8", "replace").strip():
                told.append(text)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
