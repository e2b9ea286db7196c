"""The command ``textgym`` in processes of their own, which end at a deadline and with the one who started them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

COMMAND = [sys.executable, "-c", "import sys; from textgym.cli import main; sys.exit(main())"]
GRACE = 120  # seconds that a run has to save what it knows after it was asked to stop


class Stopped(Exception):
    """The deadline has come, or the user has interrupted: what was done so far is in the run folder."""


class TextgymCommand:
    """Runs ``textgym`` with one thread a process.

    Args:
        minutes: From now to the deadline, at which what runs is asked to stop; None for none.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self._deadline = None if minutes is None else time.monotonic() + 60 * minutes
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def __call__(self, *arguments: str) -> str:
        """Run a verb to its end; return what it printed.

        Raises:
            Stopped: It was asked to stop before it had ended.
            RuntimeError: It failed; the message is what it wrote on standard error.
        """
        with self._lock:
            if self._stopping or self._seconds_left() == 0:
                raise Stopped
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._processes.add(process)
        try:
            output, problem = process.communicate(timeout=self._seconds_left())
        except subprocess.TimeoutExpired:
            process.terminate()
            process.communicate()
            raise Stopped from None
        finally:
            self._processes.discard(process)
        if self._stopping:
            raise Stopped
        if process.returncode:
            raise RuntimeError(f"textgym {' '.join(arguments)} failed with {process.returncode}: {problem[-2000:]}")
        return output

    def stop(self) -> None:
        """Ask everything that runs to stop, and wait for it; what takes too long is killed."""
        with self._lock:
            self._stopping = True
            processes = list(self._processes)
        for process in processes:
            process.terminate()
        end = time.monotonic() + GRACE
        for process in processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _seconds_left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
