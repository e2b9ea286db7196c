"""Interval arithmetic: between which values a formula lies when its operands lie between theirs."""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[float, float]


def scaled(interval: Interval, factor: float) -> Interval:
    """Return where ``factor * x`` lies; 0 times anything is 0, infinite bounds included."""
    ends = [_times(factor, end) for end in interval]
    return min(ends), max(ends)


def added(intervals: Iterable[Interval]) -> Interval:
    """Return where a sum lies."""
    lows, highs = zip(*intervals, strict=True)
    return sum(lows), sum(highs)


def multiplied(a: Interval, b: Interval) -> Interval:
    """Return where ``x * y`` lies."""
    ends = [_times(x, y) for x in a for y in b]
    return min(ends), max(ends)


def least(*intervals: Interval) -> Interval:
    """Return where the least of several values lies."""
    lows, highs = zip(*intervals, strict=True)
    return min(lows), min(highs)


def greatest(*intervals: Interval) -> Interval:
    """Return where the greatest of several values lies."""
    lows, highs = zip(*intervals, strict=True)
    return max(lows), max(highs)


def magnitude(interval: Interval) -> Interval:
    """Return where ``abs(x)`` lies."""
    low, high = interval
    return max(low, -high, 0.0), max(-low, high)


def _times(a: float, b: float) -> float:
    return a * b if a and b else 0.0
