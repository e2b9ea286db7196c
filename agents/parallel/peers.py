"""Which processes learn together, and which of them has ended."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROC = Path("/proc")
GRACE_SECONDS = 2.0  # a connection may close a moment before the system says that its process has ended


class Peers:
    """All processes, by rank.

    Args:
        peers: What :meth:`this` gave in each.
    """

    def __init__(self, peers: Sequence[dict[str, Any]]) -> None:
        self.peers = peers

    @staticmethod
    def this() -> dict[str, Any]:
        """Return what identifies this process, JSON values."""
        return {"pid": os.getpid(), "host": platform.node()}

    def missing(self, waited_seconds: float) -> str:
        """Return a sentence that says which process is missing.

        Args:
            waited_seconds: How long a process waits for another one that does not answer.
        """
        ended = self._ended()
        if ended:
            return f"{' and '.join(ended)} ended in mid-run."
        if any(peer["host"] != platform.node() for peer in self.peers):
            return "A process on another machine ended in mid-run, or did not answer in time."
        return f"A process did not answer for {waited_seconds:g} seconds (parallel.timeout_seconds)."

    def _ended(self) -> list[str]:
        """Return names of the processes of this machine that have ended, waiting a moment for the first."""
        limit = time.monotonic() + GRACE_SECONDS
        while True:
            ended = [
                f"Process {rank} of {len(self.peers)} (pid {peer['pid']})"
                for rank, peer in enumerate(self.peers)
                if peer["host"] == platform.node() and not lives(peer["pid"])
            ]
            if ended or time.monotonic() > limit:
                return ended
            time.sleep(0.05)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended, and that its parent has not asked for yet, does not."""
    if PROC.is_dir():
        try:
            status = (PROC / str(pid) / "stat").read_text()
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
