"""The warm start, going on for as long as reinforcement: what supervised learning alone would have reached."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

from agents.algorithms.sft import SFT
from agents.callbacks import MetricsWriter, Stopwatch, TimeLimit, Validation
from agents.config import RunConfig
from agents.judging import validation_judge
from agents.run_folder import RunFolder
from agents.setup import UPDATES_PER_LINE, make_setup

PHASE = "warm start continued"
CHECKPOINT = "warm-start-continued"
METRICS = "metrics-continued.jsonl"
LOG = "warm-start-continued.log"


class Continuation:
    """A process that continues the warm start.

    It is made ready while the warm start still runs. :meth:`begin` lets it learn; :meth:`limit` says for how long,
    which may come later, since nobody knows beforehand how long so many tokens of reinforcement take. On a machine
    with a core to spare it learns at the same time as reinforcement, otherwise after it.

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
            return self.run.checkpoints / CHECKPOINT
        log = self.run.path / LOG
        said = log.read_text(encoding="utf-8").strip().splitlines() if log.is_file() else ["no message"]
        self.error = f"exit code {self._process.exitcode}, {said[-1]} (see {log})"
        return None


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
    changes: dict[str, Any] = {
        "learning_rate": config.evaluation.continued_learning_rate or config.warm_start.learning_rate / 10,
        "seed": continued_seed(config.seed),
        "validation_env": setup.validation_env,
        "patience": sys.maxsize,  # it learns for the whole time; the weights that validate best are kept
    }
    algorithm = SFT.load(run.checkpoints / "warm-start", setup.train_env, config.device, **changes)
    watch, metrics = Stopwatch(), run.metrics(METRICS)
    callbacks: list[BaseCallback] = [
        _StopWithParent(),
        TimeLimit(lambda: seconds.value, watch),
        MetricsWriter(metrics, PHASE, watch),
    ]
    if setup.validation_env is not None:
        every = config.evaluation.curve_every_seconds
        callbacks.append(Validation(validation_judge(config), every, metrics, PHASE, watch))
    algorithm.learn(2**62, callback=callbacks, log_interval=UPDATES_PER_LINE, reset_num_timesteps=False)
    if _parent_lives():
        algorithm.save(run.checkpoints / CHECKPOINT)


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
