"""Callbacks of a training run: a time limit, metrics as JSON lines, validation on the way, and a progress bar."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter

from agents.evaluation.report import Report
from agents.parallel.processes import current
from agents.runs.metrics_file import MetricsFile


class Stopwatch:
    """Counts seconds of learning from its making on; what happens in :meth:`pause` does not count.

    Processes that learn together have the time of the first one, as it was when they last agreed on it.

    Args:
        seconds: Those that were counted before.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._started = time.monotonic() - seconds
        self._paused = 0.0
        self._agreed: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds of learning so far."""
        return time.monotonic() - self._started - self._paused if self._agreed is None else self._agreed

    def agree(self) -> None:
        """Take the time of the first of several processes."""
        if current().count > 1:
            self._agreed = None
            self._agreed = current().of_first(self.seconds)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave the time of a block out."""
        before = time.monotonic()
        try:
            yield
        finally:
            self._paused += time.monotonic() - before


class Clock(BaseCallback):
    """Lets processes agree on the time, so that they stop, validate and lower the learning rate together.

    Args:
        watch: Theirs.
    """

    def __init__(self, watch: Stopwatch) -> None:
        super().__init__()
        self.watch = watch

    def _on_training_start(self) -> None:
        self.watch.agree()

    def _on_rollout_start(self) -> None:
        self.watch.agree()

    def _on_step(self) -> bool:
        self.watch.agree()
        return True


class TimeLimit(BaseCallback):
    """Stops learning after some seconds.

    Args:
        seconds: How many; a function is asked at every step, so that the limit may be set while learning goes on.
        watch: Counts them; by default from the start of learning.
    """

    def __init__(self, seconds: float | Callable[[], float], watch: Stopwatch | None = None) -> None:
        super().__init__()
        self._limit = seconds if callable(seconds) else lambda: seconds
        self._given_watch = watch

    def _on_training_start(self) -> None:
        self._watch = self._given_watch or Stopwatch()

    def _on_step(self) -> bool:
        return self._watch.seconds < self._limit()


class LogCallback(BaseCallback):
    """Hears everything that the algorithm writes into its logger.

    Attributes:
        first_step: The tokens that had been counted when the stopwatch began; None until learning starts.
    """

    first_step: int | None = None

    def _on_training_start(self) -> None:
        self._listener = _Listener(self.on_log)
        self.logger.output_formats.append(self._listener)
        if self.first_step is None:
            self.first_step = self.num_timesteps

    def _on_training_end(self) -> None:
        self.logger.output_formats.remove(self._listener)

    def _on_step(self) -> bool:
        return True

    @abstractmethod
    def on_log(self, values: Mapping[str, float]) -> None:
        """Take the numbers that were logged together, by Stable-Baselines3's names."""

    @property
    def tokens(self) -> int:
        """The tokens since the stopwatch began."""
        return self.num_timesteps - (self.first_step or 0)

    def tokens_per_second(self, watch: Stopwatch) -> float:
        """Return the speed since learning started."""
        return self.tokens / max(watch.seconds, 1e-9)


class _Listener(KVWriter):
    """An output format of Stable-Baselines3's logger that hands its numbers to a function."""

    def __init__(self, receive: Callable[[Mapping[str, float]], None]) -> None:
        self._receive = receive

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        self._receive({name: float(value) for name, value in key_values.items() if isinstance(value, Real)})

    def close(self) -> None:
        """Nothing is held open."""


class MetricsWriter(LogCallback):
    """Writes all that is logged as lines of JSON: phase, step (tokens), seconds of learning, then the numbers.

    Args:
        metrics: Where to.
        phase: A name for what is going on.
        watch: Counts the seconds.
    """

    def __init__(self, metrics: MetricsFile, phase: str, watch: Stopwatch) -> None:
        super().__init__()
        self.metrics = metrics
        self.phase = phase
        self.watch = watch

    def on_log(self, values: Mapping[str, float]) -> None:
        """Write one line."""
        speed = {"tokens_per_second": round(self.tokens_per_second(self.watch), 1)}
        self.metrics.write(position(self.phase, self.num_timesteps, self.watch) | speed | dict(values))


class Validation(BaseCallback):
    """Evaluates the policy at the start, every so often and at the end; the time that it takes does not count.

    It draws from no generator that learning draws from: with or without it, the same is learned.

    Args:
        judge: Evaluates an algorithm's policy, greedy or sampled: ``judge(algorithm, deterministic)``.
        every_seconds: Seconds of learning between two evaluations.
        metrics: Where the scores are written, as ``validation/<reward>/greedy`` and ``.../sampled``.
        phase: A name for what is going on.
        watch: Counts the seconds of learning.
        every_timesteps: Tokens between two evaluations, in place of seconds.

    Attributes:
        due: The second, or the token, of the next evaluation; None before the first one.
    """

    due: float | None = None

    def __init__(
        self,
        judge: Callable[[BaseAlgorithm, bool], Report],
        every_seconds: float,
        metrics: MetricsFile,
        phase: str,
        watch: Stopwatch,
        every_timesteps: int | None = None,
    ) -> None:
        super().__init__()
        self.judge = judge
        self.every_seconds = every_seconds
        self.every_timesteps = every_timesteps
        self.metrics = metrics
        self.phase = phase
        self.watch = watch

    def _on_training_start(self) -> None:
        if self.due is None:
            self._validate()

    def _on_step(self) -> bool:
        if self.due is None or self._now() >= self.due:
            self._validate()
        return True

    def _on_training_end(self) -> None:
        self._validate()

    def _now(self) -> float:
        return self.watch.seconds if self.every_timesteps is None else self.num_timesteps

    def _validate(self) -> None:
        values: dict[str, Any] = position(self.phase, self.num_timesteps, self.watch)
        with self.watch.pause():
            for mode, deterministic in (("greedy", True), ("sampled", False)):
                report = self.judge(self.model, deterministic)
                values |= {f"validation/{score.name}/{mode}": score.corpus for score in report.scores}
                values[f"validation/length/{mode}"] = report.mean_length
            self.metrics.write(values)
        self.due = self._now() + (self.every_timesteps or self.every_seconds)


def position(phase: str, step: int, watch: Stopwatch) -> dict[str, Any]:
    """Return where a line of metrics stands: its phase, tokens and seconds of learning."""
    return {"phase": phase, "step": step, "seconds": round(watch.seconds, 3)}
