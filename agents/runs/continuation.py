"""The warm start, going on for as long as reinforcement: what supervised learning alone would have reached."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from agents.algorithms.sft import SFT
from agents.checkpoints.folders import discard
from agents.config.run_config import RunConfig
from agents.runs.phase import CONTINUED, WARM_START
from agents.runs.phase_learning import Learning
from agents.runs.resume_point import ResumePoint, find_point
from agents.runs.run_folder import RunFolder
from agents.runs.run_lock import run_lock
from agents.runs.setup import Setup, make_setup
from agents.runs.stop_request import StopRequest
from textgym.errors import CheckpointError

LOG = "warm-start-continued.log"
LOCK = ".warm-start-continued.lock"


class Continuation:
    """A process that continues the warm start.

    It is made ready while the warm start still runs. :meth:`begin` lets it learn; :meth:`limit` says for how long,
    which may come later, since nobody knows beforehand how long so many tokens of reinforcement take. On a machine
    with a core to spare it learns at the same time as reinforcement, otherwise after it. In a run that is resumed it
    goes on from its own last checkpoint; where it had ended, nothing is left for it to do.

    Args:
        config: Of the run.
        run: Its folder.
    """

    def __init__(self, config: RunConfig, run: RunFolder) -> None:
        context = multiprocessing.get_context("spawn")
        self.run = run
        self.parallel = _has_cores_for_two(config)
        self.error: str | None = None
        self._seconds = context.Value("d", math.inf)
        self._begin = context.Event()
        arguments = (config, run.path, self._begin, self._seconds)
        self._process = context.Process(target=_continue, args=arguments, daemon=True)

    def __enter__(self) -> Continuation:
        (self.run.path / LOG).unlink(missing_ok=True)
        with _deaf_to_ctrl_c():
            self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def begin(self) -> None:
        """Let it learn, from the checkpoint of the warm start."""
        self._begin.set()

    def limit(self, seconds: float) -> None:
        """Let it learn for so many seconds in all."""
        self._seconds.value = seconds

    def join(self) -> Path | None:
        """Wait for its end; return its checkpoint, or None and leave the reason in ``error``."""
        self._process.join()
        if not self._process.exitcode:
            return self.run.checkpoints / CONTINUED.checkpoint
        log = self.run.path / LOG
        said = log.read_text(encoding="utf-8").strip().splitlines() if log.is_file() else ["no message"]
        self.error = f"exit code {self._process.exitcode}, {said[-1]} (see {log})"
        return None


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach, from their first instruction; it reaches this one a bit later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Seconds(Protocol):
    value: float


def _continue(config: RunConfig, path: Path, begin: Event, seconds: _Seconds) -> None:
    """Be the process: learn on, save, and leave the reason of a failure in a file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the main process ends this one
    try:
        _learn_on(config, RunFolder(path), begin, seconds)
    except Exception:
        (path / LOG).write_text(traceback.format_exc(), encoding="utf-8")
        sys.exit(1)


def _learn_on(config: RunConfig, run: RunFolder, begin: Event, seconds: _Seconds) -> None:
    torch.set_num_threads(config.threads)
    setup = make_setup(config)
    while not begin.wait(timeout=1):
        if not _parent_lives():
            return
    with run_lock(run.path / LOCK, wait=True):  # after a kill, the process of before may take a moment to end
        point = continued_point(run, _say)
        if point is not None and point.complete:
            return
        run.metrics(CONTINUED.metrics).go_back(point.notes["metrics"] if point else 0)
        algorithm = continued_learner(setup, run, point)
        validates = setup.validation_env is not None
        learning = Learning(run, config, CONTINUED, point, validates, StopRequest(), _say)
        learning.learn(algorithm, 2**62, lambda: seconds.value, _StopWithParent(), counts_on=True)
        if _parent_lives():
            learning.save(algorithm)


def continued_point(run: RunFolder, say: Callable[[str], None]) -> ResumePoint | None:
    """Return where it goes on; from the warm start, when it has saved nothing that can be used."""
    try:
        return find_point(run, [CONTINUED], say)
    except CheckpointError as error:
        say(f"warning: {error} The warm start is continued from its end.")
        discard(run.steps(CONTINUED.checkpoint).path)
        return None


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def continued_learner(setup: Setup, run: RunFolder, point: ResumePoint | None) -> SFT:
    """Return the learner of the warm start, ready to go on from its end or from a point of the continuation."""
    config = setup.config
    changes: dict[str, Any] = {
        "learning_rate": config.evaluation.continued_learning_rate or config.warm_start.learning_rate / 10,
        "validation_env": setup.validation_env,
        "patience": sys.maxsize,  # it learns for the whole time; the weights that validate best are kept
    }
    if point is None:
        changes["seed"] = continued_seed(config.seed)
    path = run.checkpoints / WARM_START.checkpoint if point is None else point.path
    return SFT.load(path, setup.train_env, config.device, **changes)


def continued_seed(seed: int) -> int:
    """Return another seed, so that the samples do not come in the same order again."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])


def _has_cores_for_two(config: RunConfig) -> bool:
    on_gpu = config.device not in ("auto", "cpu") or (config.device == "auto" and torch.cuda.is_available())
    return not on_gpu and len(os.sched_getaffinity(0)) >= 2 * config.threads


def _parent_lives() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()


class _StopWithParent(BaseCallback):
    """Ends learning when the main process was killed: nobody would read the result."""

    def _on_training_start(self) -> None:
        self._asked_at = time.monotonic()

    def _on_step(self) -> bool:
        if time.monotonic() - self._asked_at < 1:
            return True
        self._asked_at = time.monotonic()
        return _parent_lives()
