"""How much memory this process has in use, by the account of the operating system."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def settle() -> float:
    """Give back what is free; forget the peak where the system can (Linux); return the bytes in use now."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
        FORGET.write_text("5", encoding="ascii")
        return _told("VmRSS")
    return peak()


def peak() -> float:
    """Return the most bytes in use since :func:`settle`, or where the system does not forget, ever."""
    if sys.platform == "linux":
        return _told("VmHWM")
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def now() -> float:
    """Return the bytes in use now, where the system tells (Linux); else the most ever."""
    return _told("VmRSS") if sys.platform == "linux" else peak()


def _told(name: str) -> float:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
