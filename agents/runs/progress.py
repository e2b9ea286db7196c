"""A progress bar on a terminal, and a line every ten seconds elsewhere."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from agents.runs.callbacks import LogCallback, Stopwatch

# what is shown: a short label, and the logged names that may hold it, the first that was logged is taken
SHOWN = (
    ("reward {:.3f}", ("rollout/ep_rew_mean",)),
    ("length {:.1f}", ("rollout/ep_len_mean",)),
    ("KL {:.4f}", ("rollout/kl_per_response", "train/approx_kl")),
    ("loss {:.3f}", ("train/loss",)),
    ("validation loss {:.3f}", ("eval/loss",)),
)
LINE_SECONDS = 10.0


class ProgressBar(LogCallback):
    """Shows how far learning has come, with reward, response length, KL, loss and tokens per second.

    The KL is that to the reference policy where the algorithm measures it, and that of one update elsewhere.

    Args:
        label: What is going on.
        total_timesteps: The tokens after which learning ends.
        max_seconds: The seconds after which it ends, None for no limit.
        watch: Counts the seconds of learning.
        stream: Where it is shown; without a terminal there, plain lines are written.
    """

    def __init__(
        self,
        label: str,
        total_timesteps: int,
        max_seconds: float | None,
        watch: Stopwatch,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__()
        self.label = label
        self.total_timesteps = total_timesteps
        self.max_seconds = max_seconds or math.inf
        self.watch = watch
        self.stream = stream or sys.stderr
        self._values: dict[str, float] = {}
        self._bar: Progress | None = None
        self._shown_at = 0.0
        self._last_line = ""

    def _on_training_start(self) -> None:
        super()._on_training_start()
        if self.stream.isatty():
            columns = ("{task.description}", BarColumn(20), TaskProgressColumn(), TextColumn("{task.fields[status]}"))
            self._bar = Progress(*columns, console=Console(file=self.stream), refresh_per_second=5)
            self._task = self._bar.add_task(self.label, total=100, status="")
            self._bar.start()

    def _on_training_end(self) -> None:
        super()._on_training_end()
        self._show()
        self.close()

    def close(self) -> None:
        """Give the terminal back, also when learning was interrupted."""
        if self._bar is not None:
            self._bar.stop()

    def _on_step(self) -> bool:
        if self.watch.seconds - self._shown_at >= (LINE_SECONDS if self._bar is None else 0.2):
            self._show()
        return True

    def on_log(self, values: Mapping[str, float]) -> None:
        """Remember what was logged last under each name."""
        self._values.update(values)

    def _show(self) -> None:
        self._shown_at = self.watch.seconds
        done = max(self.tokens / self.total_timesteps, self.watch.seconds / self.max_seconds)
        percent = min(100.0, 100 * done)
        if self._bar is None:
            self._write_line(f"{self.label} {percent:3.0f}% {self.watch.seconds:.0f} s  {self.status()}")
        else:
            self._bar.update(self._task, completed=percent, status=self.status())

    def _write_line(self, line: str) -> None:
        if line != self._last_line:  # the step that ends learning was told already
            self._last_line = line
            self.stream.write(f"{line}\n")
            self.stream.flush()

    def status(self) -> str:
        """Return the latest numbers as one line."""
        parts = [
            text.format(self._values[found])
            for text, names in SHOWN
            if (found := next((name for name in names if name in self._values), None))
        ]
        return "  ".join([*parts, f"{self.tokens_per_second(self.watch):,.0f} tokens/s"])
