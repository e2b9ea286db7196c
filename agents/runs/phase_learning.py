"""One phase of a run: learning with all that watches it, from the beginning or from a checkpoint, saved on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from agents.checkpoints.checkpoint import save_algorithm
from agents.checkpoints.training_state import Resumable
from agents.config.run_config import RunConfig
from agents.parallel.processes import current
from agents.runs.callbacks import Clock, LogCallback, MetricsWriter, Stopwatch, TimeLimit, Validation
from agents.runs.checkpointer import Checkpointer
from agents.runs.judging import validation_judge
from agents.runs.phase import Phase
from agents.runs.resume_point import ResumePoint
from agents.runs.run_folder import RunFolder
from agents.runs.stop_request import StopRequest
from textgym.errors import CheckpointError


class Learning:
    """Lets an algorithm learn, and saves it.

    Args:
        run: Where everything is written.
        config: Of the run.
        phase: Which part of it.
        point: Where in the phase it goes on; None begins it. The algorithm must be that of the point then.
        validates: Whether the run has samples to validate on.
        stop: Tells when somebody wants it to stop.
        say: Takes lines for the user.

    Attributes:
        watch: Counts the seconds of learning, those before the point too.
        failures: How many checkpoints could not be written.
    """

    def __init__(
        self,
        run: RunFolder,
        config: RunConfig,
        phase: Phase,
        point: ResumePoint | None,
        validates: bool,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self.run = run
        self.config = config
        self.phase = phase
        self.point = point
        self.stop = stop
        self.say = say
        self.failures = 0
        self.watch = Stopwatch(0.0 if point is None else point.notes["seconds"])
        self.metrics = run.metrics(phase.metrics)
        self._writer = MetricsWriter(self.metrics, phase.label, self.watch)
        self._validation = self._make_validation() if validates else None

    def _make_validation(self) -> Validation:
        every = self.config.evaluation
        return Validation(
            validation_judge(self.config),
            every.curve_every_seconds,
            self.metrics,
            self.phase.label,
            self.watch,
            every.curve_every_timesteps,
        )

    def learn(
        self,
        algorithm: Resumable,
        total_timesteps: int,
        max_seconds: float | Callable[[], float] | None,
        *others: BaseCallback,
        counts_on: bool = False,
    ) -> None:
        """Learn to the end of the phase.

        Args:
            algorithm: Fresh, or as the point has it.
            total_timesteps: Tokens of the whole phase at most.
            max_seconds: Seconds of the whole phase at most, None for no limit.
            others: Further callbacks.
            counts_on: Whether the phase counts on from the tokens of the one before.
        """
        callbacks: list[BaseCallback] = [Clock(self.watch), self._writer, *others]
        if max_seconds is not None:
            callbacks.append(TimeLimit(max_seconds, self.watch))
        if self._validation is not None:
            callbacks.append(self._validation)
        callbacks.append(Checkpointer(lambda: self._save_step(algorithm), self.config.checkpoints, self.stop))
        if self.point is not None:
            self._go_on(callbacks, self.point)
            total_timesteps, counts_on = algorithm._total_timesteps - algorithm.num_timesteps, True
        interval = self.phase.log_interval
        algorithm.learn(total_timesteps, callbacks, interval, reset_num_timesteps=not counts_on)

    def _go_on(self, callbacks: list[BaseCallback], point: ResumePoint) -> None:
        for callback in callbacks:
            if isinstance(callback, LogCallback):
                callback.first_step = point.notes["first_step"]
        if self._validation is not None:
            self._validation.due = point.notes["validation_due"]

    def save(self, algorithm: Resumable) -> None:
        """Write the checkpoint of the phase, which ends it.

        Raises:
            CheckpointError: The disk takes no more; the checkpoints on the way are kept.
        """
        save_algorithm(algorithm, self.run.checkpoints / self.phase.checkpoint, self._notes(algorithm, complete=True))

    def _save_step(self, algorithm: Resumable) -> None:
        """Write a checkpoint on the way; a disk that takes no more is told, and learning goes on."""
        steps = self.run.steps(self.phase.checkpoint)
        with self.watch.pause():
            try:
                save_algorithm(algorithm, steps.folder(algorithm.num_timesteps), self._notes(algorithm, complete=False))
                current().once(lambda: steps.prune(self.config.checkpoints.keep_last))
            except (CheckpointError, OSError) as error:
                self.failures += 1
                self.say(f"error: {error} Learning goes on.")

    def _notes(self, algorithm: Resumable, complete: bool) -> dict[str, Any]:
        notes = {
            "phase": self.phase.label,
            "complete": complete,
            "seconds": self.watch.seconds,
            "first_step": self._writer.first_step,
            "validation_due": None if self._validation is None else self._validation.due,
            "metrics": self.metrics.mark(),
            "merit": algorithm.merit(),
        }
        return {"run.json": notes}
