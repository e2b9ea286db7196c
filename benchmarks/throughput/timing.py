"""Seconds of interleaved variants, so that a machine that slows down for a while slows all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(variants: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Call every variant once unmeasured, then ``repeats`` times in turn; return the CPU seconds of each call.

    They are of the process, which has one thread: other jobs on the machine count only as far as they take caches and
    memory away.
    """
    for variant in variants.values():
        variant()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, variant in variants.items():
            seconds[name].append(cpu_seconds(variant))
    return seconds


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.process_time()
    call()
    return time.process_time() - start


def speedups(slow: list[float], fast: list[float]) -> list[float]:
    """Return the ratio of each pair of neighbours in time, sorted."""
    return sorted(a / b for a, b in zip(slow, fast, strict=True))


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)
