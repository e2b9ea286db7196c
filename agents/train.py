"""The main job: a supervised warm start, reinforcement, and an honest comparison of what each has brought."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.utils import get_device

from agents.checkpoints.files import make_folder
from agents.checkpoints.training_state import Resumable
from agents.config.run_config import ReinforcementConfig, RunConfig, WarmStartConfig
from agents.config.yaml_text import to_yaml
from agents.parallel import current, joined
from agents.runs.changes import changed_origins, changed_settings
from agents.runs.comparison import Comparison
from agents.runs.continuation import Continuation, continued_seed
from agents.runs.learners import Learners
from agents.runs.onlooker import run_folder
from agents.runs.phase import CONTINUED, WARM_START, Phase, phases_of
from agents.runs.phase_learning import Learning
from agents.runs.progress import ProgressBar
from agents.runs.provenance import provenance, versions
from agents.runs.resume_point import ResumePoint, find_point
from agents.runs.run_folder import LOCK, RunFolder, default_path, refuse_occupied
from agents.runs.run_lock import run_lock
from agents.runs.setup import Setup, make_setup
from agents.runs.shared_continuation import SharedContinuation
from agents.runs.stop_request import StopRequest
from textgym.errors import CheckpointError

Say = Callable[[str], None]


def train(config: RunConfig, say: Say = print) -> Path:
    """Teach a policy as ``config`` says and compare it with what it was; return the run folder.

    Processes that were launched together learn together (see ``docs/parallel.md``).

    The comparison has a row for the untrained policy, for the warm start, for the warm start continued for as long as
    reinforcement took, and for reinforcement.

    While it learns, Ctrl-C and SIGTERM end the run after the present update, when that is saved; again, at once. Either
    way :func:`resume` goes on with it.

    Args:
        config: Of the run.
        say: Takes lines for the user.

    Raises:
        TextGymError: Something does not fit; nothing has been written then.
    """
    to_yaml(config.to_dict())  # what cannot be written down cannot be run again
    with joined(config.device, config.parallel.timeout_seconds) as processes, _threads(config.threads):
        path = Path(processes.of_first(str(default_path(config))))
        processes.once(lambda: refuse_occupied(path))
        learners = Learners(make_setup(config))
        manifest = _manifest(learners)
        processes.once(lambda: make_folder(path))
        with _lock(path):
            processes.once(lambda: RunFolder.create(path, config, manifest))
            return _Training(learners, run_folder(path), None, processes.silenced(say)).run()


def resume(
    path: str | Path, config: RunConfig | None = None, *, allow_data_change: bool = False, say: Say = print
) -> Path:
    """Go on with a run that was interrupted at any moment; return its folder.

    On the CPU of one machine, the weights, the optimizer, the rewards and the rows of metrics are, to the last bit,
    those of a run that was never interrupted; what was learned after the last checkpoint is learned again. Outside of
    this stand: what measures time (in the rows ``seconds``, ``tokens_per_second``, ``time/fps`` and
    ``time/time_elapsed``); runs that a clock ends, or whose learning rate follows it because it is ahead of the tokens
    (``max_seconds``), which no two runs share, though their clocks do go on; the moments of validation, unless
    ``evaluation.curve_every_timesteps`` sets them; and the warm start that is continued for as long as reinforcement
    took.

    A run that has ended only tells its summary.

    Args:
        path: The run folder.
        config: Settings that must be those of the run, but for ``checkpoints`` and, no longer to the last bit,
            ``threads`` and ``device``; None takes all from the run.
        allow_data_change: Go on although the samples or the tokenizer are not those that the run began with.
        say: Takes lines for the user.

    Raises:
        ConfigError: ``path`` is no run, another process is at work in it, or settings or data have changed.
        CheckpointError: None of the run's checkpoints can be used.
    """
    begun = RunFolder.open(Path(path).expanduser())
    config = config or begun.config()
    changes = changed_settings(begun.config(), config)
    with joined(config.device, config.parallel.timeout_seconds) as processes, _threads(config.threads):
        run, say = run_folder(begun.path), processes.silenced(say)
        comparison = Comparison(run, config, say)
        if comparison.finished:
            processes.once(comparison.summarize)
            return run.path
        with _lock(run.path):
            setup = make_setup(config)
            changes += changed_origins(run.read_json("manifest.json") or {}, _origins(setup), allow_data_change)
            for change in changes:
                say(f"warning: {change}: the numbers may differ from those of a run without interruption.")
            run.sweep()
            point = processes.in_turn(lambda: find_point(run, phases_of(config), say))
            _note_resumption(run, point, changes)
            return _Training(Learners(setup), run, point, say).run()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock of a run; the first process does, for all."""
    with ExitStack() as stack:
        current().once(lambda: stack.enter_context(run_lock(path / LOCK)))
        yield


class _Training:
    """One run, from its beginning or from a checkpoint to its summary."""

    def __init__(self, learners: Learners, run: RunFolder, point: ResumePoint | None, say: Say) -> None:
        self.learners = learners
        self.config = learners.setup.config
        self.run_folder = run
        self.point = point
        self.say = say
        self.phases = phases_of(self.config)
        self.comparison = Comparison(run, self.config, say)
        self.stop = StopRequest()
        self.failures = 0
        self._taught: dict[Phase, Any] = {}
        self._go_back()

    def _go_back(self) -> None:
        """Forget what came after the point: it will be done again."""
        done = [phase for phase in self.phases if self._is_done(phase)]
        for phase in done:
            self._taught[phase] = self.run_folder.checkpoints / phase.checkpoint
        labels = [phase.label for phase in (*done, CONTINUED)]
        self.comparison.forget_all_but([self.comparison.names[0], *labels])
        self.run_folder.metrics().go_back(self.point.notes["metrics"] if self.point else 0)
        if self.point and self.point.complete:
            self.comparison.seconds[self.point.phase.label] = self.point.notes["seconds"]

    def _is_done(self, phase: Phase) -> bool:
        if self.point is None:
            return False
        ahead = self.phases.index(self.point.phase) - self.phases.index(phase)
        return ahead > 0 or (ahead == 0 and self.point.complete)

    def run(self) -> Path:
        """Learn and compare; return the run folder."""
        path = self.run_folder.path
        self.say(f"run folder: {path}")
        try:
            self._learn_and_compare()
        except (KeyboardInterrupt, SystemExit):
            self.say(f"interrupted; to go on: textgym train --resume {path}")
            raise
        current().once(self.comparison.summarize)
        if self.failures and self.config.checkpoints.strict:
            raise CheckpointError(f"{self.failures} checkpoints of {path} could not be written; see the errors above.")
        return path

    def _learn_and_compare(self) -> None:
        names = self.comparison.names
        self.comparison.judge(names[0], lambda: self.learners.first)
        with self._continuation() as continuation:
            if self.config.warm_start.enabled:
                self._teach(WARM_START, self.config.warm_start)
                self.comparison.judge(WARM_START.label, lambda: self._taught[WARM_START])
            if self.config.reinforcement.enabled:
                self._reinforce(continuation)
            if continuation is not None:
                self._finish(continuation)

    def _continuation(self) -> AbstractContextManager[Continuation | SharedContinuation | None]:
        if not self.config.continues_warm_start or CONTINUED.label in self.comparison.rows:
            return nullcontext()
        if current().count > 1:
            return SharedContinuation(self.learners.setup, self.run_folder, self.stop, self.say)
        return Continuation(self.config, self.run_folder)

    def _reinforce(self, continuation: Continuation | SharedContinuation | None) -> None:
        phase = self.phases[-1]
        if continuation is not None and continuation.parallel and phase not in self._taught:
            continuation.begin()
        self._teach(phase, self.config.reinforcement, continuation)
        if continuation is not None:
            continuation.limit(self.comparison.seconds[phase.label])
            continuation.begin()
        self.comparison.judge(phase.label, lambda: self._taught[phase])

    def _finish(self, continuation: Continuation | SharedContinuation) -> None:
        """Add the row of the continued warm start, or say why there is none."""
        checkpoint = continuation.join()
        if checkpoint is None:
            self.comparison.problem = f"the continued warm start failed: {continuation.error}"
            self.comparison.write()
        else:
            self.comparison.problem = None  # one of before an interruption is mended
            self.comparison.judge(CONTINUED.label, lambda: checkpoint)

    def _teach(
        self,
        phase: Phase,
        section: WarmStartConfig | ReinforcementConfig,
        continuation: Continuation | SharedContinuation | None = None,
    ) -> None:
        """Let a phase learn and save what it has taught, unless that was done before."""
        if phase in self._taught:
            return
        point = self.point if self.point and self.point.phase == phase else None
        validates = self.learners.setup.validation_env is not None
        learner = self._learner(phase, point)
        learning = Learning(self.run_folder, self.config, phase, point, validates, self.stop, self.say)
        self.learners.rate_of(phase).watch = learning.watch
        bar = ProgressBar(phase.label, section.total_timesteps, section.max_seconds, learning.watch)
        with self.stop:
            try:
                bars = [bar] if current().is_first else []
                learning.learn(learner, section.total_timesteps, section.max_seconds, *bars)
            finally:
                bar.close()
            self.comparison.seconds[phase.label] = learning.watch.seconds
            if continuation is not None:
                continuation.limit(self.comparison.seconds[phase.label])
            learning.save(learner)
        self.failures += learning.failures
        self._taught[phase] = learner

    def _learner(self, phase: Phase, point: ResumePoint | None) -> Resumable:
        if point is not None:
            return self.learners.loaded(phase, point.path)
        if phase == self.phases[0]:
            return self.learners.first
        return self.learners.reinforced(str(self.run_folder.checkpoints / WARM_START.checkpoint))


def _manifest(learners: Learners) -> dict[str, Any]:
    config, policy = learners.setup.config, learners.first.policy
    return _origins(learners.setup) | {
        "seeds": {"run": config.seed, "warm start continued": continued_seed(config.seed)},
        "parameters": sum(weight.numel() for weight in policy.parameters()),
    }


def _origins(setup: Setup) -> dict[str, Any]:
    """Return what numbers come from, as far as it must not change while a run is interrupted."""
    machine = {"device": str(get_device(setup.config.device)), "versions": versions(), "processes": current().count}
    return setup.fingerprint() | machine


def _note_resumption(run: RunFolder, point: ResumePoint | None, changes: list[str]) -> None:
    """Write into the manifest when, where and with which changes a run goes on."""
    manifest = run.read_json("manifest.json") or {}
    begun_at = None if point is None else str(point.path.relative_to(run.path))
    note = {name: value for name, value in provenance().items() if name != "git"}
    note |= {"checkpoint": begun_at, "changes": changes}
    run.write_json("manifest.json", manifest | {"resumed": [*manifest.get("resumed", []), note]})


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":  # accelerate launch -m agents.train takes the arguments of textgym train
    from textgym.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
