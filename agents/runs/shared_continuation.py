"""The warm start, going on in all processes that learn together, after reinforcement."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from agents.parallel.processes import current
from agents.runs.continuation import continued_learner, continued_point
from agents.runs.phase import CONTINUED
from agents.runs.phase_learning import Learning
from agents.runs.run_folder import RunFolder
from agents.runs.setup import Setup
from agents.runs.stop_request import StopRequest


class SharedContinuation:
    """What :class:`agents.runs.continuation.Continuation` does in a process of its own, for several processes.

    It has as many processes as reinforcement has, and learns when :meth:`join` is called.

    Args:
        setup: Of the run.
        run: Its folder.
        stop: Tells when somebody wants the run to stop.
        say: Takes lines for the user.
    """

    parallel = False
    error: str | None = None

    def __init__(self, setup: Setup, run: RunFolder, stop: StopRequest, say: Callable[[str], None]) -> None:
        self.setup = setup
        self.run = run
        self.stop = stop
        self.say = say
        self._seconds = math.inf

    def __enter__(self) -> SharedContinuation:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs beside."""

    def begin(self) -> None:
        """Do nothing yet."""

    def limit(self, seconds: float) -> None:
        """Let it learn for so many seconds in all."""
        self._seconds = seconds

    def join(self) -> Path | None:
        """Learn; return the checkpoint."""
        point = current().in_turn(lambda: continued_point(self.run, self.say))
        if point is None or not point.complete:
            self.run.metrics(CONTINUED.metrics).go_back(point.notes["metrics"] if point else 0)
            algorithm = continued_learner(self.setup, self.run, point)
            validates = self.setup.validation_env is not None
            learning = Learning(self.run, self.setup.config, CONTINUED, point, validates, self.stop, self.say)
            with self.stop:
                learning.learn(algorithm, 2**62, self._seconds, counts_on=True)
                learning.save(algorithm)
        return self.run.checkpoints / CONTINUED.checkpoint
