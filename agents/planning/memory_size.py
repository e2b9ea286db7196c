"""Amounts of memory as people write them: 24GB, 512MB, 16GiB."""

from __future__ import annotations

import os
import re

import torch
from stable_baselines3.common.utils import get_device

from agents.runs.setup import check_device
from textgym.errors import ConfigError

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
UNITS["TiB"] = 2**40
AMOUNT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([A-Za-z]+)")


def parse_size(text: str) -> int:
    """Return the bytes of an amount such as 24GB, which is 24 * 10**9, or 24GiB, which is 24 * 2**30.

    Raises:
        ConfigError: It is none, or nothing.
    """
    found = AMOUNT.fullmatch(text)
    if found is None or found[2] not in UNITS:
        raise ConfigError(f"--memory must be an amount such as 24GB or 16GiB, in one word, got {text!r}.{_hint(text)}")
    size = int(float(found[1]) * UNITS[found[2]])
    if not size:
        raise ConfigError(f"--memory must be more than nothing, got {text!r}.")
    return size


def _hint(text: str) -> str:
    number, unit = re.fullmatch(r"([\d.]*)(.*)", "".join(text.split())).groups()  # type: ignore[union-attr]
    names = {name.casefold(): name for name in UNITS}
    near = names.get(unit.casefold()) or names.get(f"{unit}b".casefold()) if unit else "GB"
    return f" Did you mean {number}{near}?" if near and AMOUNT.fullmatch(f"{number}{near}") else ""


def size_text(size: int) -> str:
    """Return bytes in three digits or so, in powers of ten."""
    for name in ("TB", "GB", "MB", "kB"):
        if size >= UNITS[name]:
            return f"{size / UNITS[name]:.1f} {name}"
    return f"{size} B"


def memory_of(device: str) -> int:
    """Return the bytes that a device has in all; "auto" takes a GPU where there is one.

    Raises:
        ConfigError: There is no such device here.
    """
    check_device(device)
    found = get_device(device)
    if found.type == "cuda":
        return int(torch.cuda.get_device_properties(found).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
