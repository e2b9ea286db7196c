"""One process at a time: a lock on a file, which the system takes from a process that ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.parallel.peers import lives
from textgym.errors import ConfigError

UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)  # some network file systems have no locks
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def run_lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock that the file ``path`` stands for; it tells who holds it, and is removed at the end.

    On a file system without locks, a file that tells of a living process of this machine is taken for a lock.

    Args:
        path: The file.
        wait: Wait for another holder, rather than refuse.

    Raises:
        ConfigError: Another process holds it, or the file cannot be written.
    """
    try:
        file = _locked_file(path, wait)
    except OSError as error:
        raise ConfigError(f"The lock {path} cannot be written: {error.strerror}.") from error
    try:
        os.pwrite(file, json.dumps(_holder()).encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _locked_file(path: Path, wait: bool) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(file, path, wait)
        except BaseException:
            os.close(file)
            raise
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            os.ftruncate(file, 0)
            return file
        os.close(file)  # its last holder removed it meanwhile: what was locked is no longer the file of that name


def _lock(file: int, path: Path, wait: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise _refusal(path) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if _lives(_told(path)):
            raise _refusal(path) from None


def _refusal(path: Path) -> ConfigError:
    holder = _told(path)
    who = f"Process {holder['pid']} on {holder['host']}" if holder else "Another process"
    return ConfigError(f"{who} is at work in {path.parent}: wait until it has ended, or end it.")


def _holder() -> dict[str, Any]:
    boot = BOOT_ID.read_text().strip() if BOOT_ID.is_file() else None
    return {"pid": os.getpid(), "host": platform.node(), "boot": boot}


def _told(path: Path) -> dict[str, Any]:
    """Return what the file tells of its holder; nothing when it was cut off in mid-word."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) and told.keys() >= {"pid", "host", "boot"} else {}


def _lives(holder: dict[str, Any]) -> bool:
    here, pid = _holder(), holder.get("pid")
    if not isinstance(pid, int) or pid == here["pid"] or any(holder[key] != here[key] for key in ("host", "boot")):
        return False
    return lives(pid)
