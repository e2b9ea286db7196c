"""The learning rate of a run."""

from __future__ import annotations

from agents.runs.callbacks import Stopwatch

SLACK = 0.1  # of the seconds


class WarmupDecay:
    """A learning rate that rises linearly to its peak and falls linearly to 0.

    Progress is the share of the planned tokens, or that of the seconds after their first tenth, where it is larger: on
    a slow machine, where the time ends learning, the rate has fallen just as well. While the tokens are ahead, no
    clock changes a bit of what is learned.

    Args:
        peak: The greatest rate.
        warmup_fraction: The share of the progress over which it rises.
        max_seconds: When learning ends at the latest.
    """

    def __init__(self, peak: float, warmup_fraction: float, max_seconds: float | None) -> None:
        self.peak = peak
        self.warmup_fraction = warmup_fraction
        self.max_seconds = max_seconds
        self.watch: Stopwatch | None = None

    def __call__(self, progress_remaining: float) -> float:
        """Return the learning rate."""
        done = 1 - progress_remaining
        if self.watch is not None and self.max_seconds is not None:
            done = min(1.0, max(done, (self.watch.seconds / self.max_seconds - SLACK) / (1 - SLACK)))
        warmup = self.warmup_fraction
        rising = done / warmup if warmup else 1.0
        return self.peak * min(rising, (1 - done) / (1 - warmup))
