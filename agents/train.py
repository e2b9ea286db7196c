"""The main job: a supervised warm start, reinforcement, and an honest comparison of what each has brought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from agents.callbacks import MetricsWriter, Stopwatch, TimeLimit, Validation
from agents.config import ReinforcementConfig, RunConfig, WarmStartConfig
from agents.continuation import METRICS, Continuation, continued_seed
from agents.curve import draw_curve
from agents.judging import judge, validation_judge
from agents.progress import ProgressBar
from agents.run_folder import RunFolder, default_path, refuse_occupied
from agents.setup import UPDATES_PER_LINE, Setup, make_setup
from agents.summary import Row, comparison, example_episodes, signatures
from agents.yaml_text import to_yaml

Say = Callable[[str], None]
LOG_INTERVAL = {WarmStartConfig: UPDATES_PER_LINE, ReinforcementConfig: 1}  # updates, rollouts


def train(config: RunConfig, say: Say = print) -> Path:
    """Teach a policy as ``config`` says and compare it with what it was; return the run folder.

    The comparison has a row for the untrained policy, for the warm start, for the warm start continued for as long as
    reinforcement took, and for reinforcement.

    Args:
        config: Of the run.
        say: Takes lines for the user.

    Raises:
        TextGymError: Something does not fit; nothing has been written then.
    """
    path = default_path(config)
    refuse_occupied(path)
    to_yaml(config.to_dict())  # what cannot be written down cannot be run again
    with _threads(config.threads):
        return _Training(make_setup(config), path, say).run()


class WarmupDecay:
    """A learning rate that rises linearly to its peak and falls linearly to 0.

    Progress is the share of the planned tokens, or of the seconds where that is larger: on a slow machine, where the
    time ends learning, the rate has fallen just as well.

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
            done = min(1.0, max(done, self.watch.seconds / self.max_seconds))
        warmup = self.warmup_fraction
        rising = done / warmup if warmup else 1.0
        return self.peak * min(rising, (1 - done) / (1 - warmup))


class _Training:
    """One run, from its folder to its summary."""

    def __init__(self, setup: Setup, path: Path, say: Say) -> None:
        self.setup = setup
        self.config = setup.config
        self.say = say
        warm, reinforcement = self.config.warm_start, self.config.reinforcement
        self.schedules: dict[type, WarmupDecay] = {
            WarmStartConfig: WarmupDecay(warm.learning_rate, warm.warmup_fraction, warm.max_seconds),
            ReinforcementConfig: WarmupDecay(
                setup.peak_learning_rate, reinforcement.warmup_fraction, reinforcement.max_seconds
            ),
        }
        self.first = (
            setup.supervised(self.schedules[WarmStartConfig]) if warm.enabled else self._reinforced(self.config.model)
        )
        self.folder = RunFolder.create(path, self.config, self._manifest())
        self.rows: dict[str, Row] = {}
        self.seconds: dict[str, float] = {}
        self.problem: str | None = None

    def run(self) -> Path:
        """Learn and compare; return the run folder."""
        config = self.config
        self.say(f"run folder: {self.folder.path}")
        self._judge("untrained" if isinstance(config.model, dict) else "as given", self.first)
        with Continuation(config, self.folder) if config.continues_warm_start else nullcontext() as continuation:
            learner = self._warm_start() if config.warm_start.enabled else self.first
            if config.reinforcement.enabled:
                self._reinforce(learner, continuation)
            if continuation is not None:
                self._finish(continuation)
        self._summarize()
        return self.folder.path

    def _warm_start(self) -> Any:
        """Learn from references; return the learner that goes on from there, or None without reinforcement."""
        self._learn(self.first, "warm start", self.config.warm_start)
        checkpoint = self.folder.checkpoints / "warm-start"
        self.first.save(checkpoint)
        self._judge("warm start", self.first)
        return self._reinforced(str(checkpoint)) if self.config.reinforcement.enabled else None

    def _reinforced(self, model: Any) -> Any:
        return self.setup.reinforced(model, self.schedules[ReinforcementConfig])

    def _reinforce(self, learner: Any, continuation: Continuation | None) -> None:
        name = self.config.reinforcement.algorithm
        if continuation is not None and continuation.parallel:
            continuation.begin()
        self._learn(learner, name, self.config.reinforcement)
        if continuation is not None:
            continuation.limit(self.seconds[name])
            continuation.begin()
        learner.save(self.folder.checkpoints / "reinforcement")
        self._judge(name, learner)

    def _finish(self, continuation: Continuation) -> None:
        """Add the row of the continued warm start, above that of reinforcement, or say why there is none."""
        checkpoint = continuation.join()
        if checkpoint is None:
            self.problem = f"the continued warm start failed: {continuation.error}"
        else:
            name, reinforced = self.rows.popitem()
            self._judge("warm start continued", checkpoint)
            self.rows[name] = reinforced
        self._write_evaluation()

    def _learn(self, algorithm: BaseAlgorithm, phase: str, config: WarmStartConfig | ReinforcementConfig) -> None:
        self.schedules[type(config)].watch = watch = Stopwatch()
        metrics = self.folder.metrics()
        bar = ProgressBar(phase, config.total_timesteps, config.max_seconds, watch)
        callbacks: list[BaseCallback] = [MetricsWriter(metrics, phase, watch), bar]
        if config.max_seconds is not None:
            callbacks.append(TimeLimit(config.max_seconds, watch))
        if self.setup.validation_env is not None:
            every = self.config.evaluation.curve_every_seconds
            callbacks.append(Validation(validation_judge(self.config), every, metrics, phase, watch))
        try:
            algorithm.learn(config.total_timesteps, callback=callbacks, log_interval=LOG_INTERVAL[type(config)])
        finally:
            bar.close()
        self.seconds[phase] = watch.seconds

    def _judge(self, name: str, policy: Any) -> None:
        """Evaluate a policy and write down what is known so far."""
        self.rows[name] = Row(judge(self.config, policy, True), judge(self.config, policy, False))
        self._write_evaluation()
        self.say(f"{name}: {self.rows[name].headline()}")

    def _write_evaluation(self) -> None:
        rows = {name: row.to_json() for name, row in self.rows.items()}
        self.folder.write_json("evaluation.json", {"rows": rows, "seconds": self.seconds, "problem": self.problem})

    def _summarize(self) -> None:
        picture = self.folder.path / "learning_curve.png"
        draw_curve([*self.folder.metrics().read(), *self.folder.metrics(METRICS).read()], picture)
        names = list(self.rows)
        before = "warm start" if "warm start" in names[:-1] else names[0]
        reports = [(name, self.rows[name].greedy) for name in (before, names[-1])]
        parts = ["", comparison(self.rows), signatures(reports[0][1].scores)]
        parts += [f"warning: {self.problem}"] if self.problem else []
        if self.config.evaluation.examples:
            parts.append(example_episodes(reports[0], reports[1], self.config.evaluation.examples))
        self.say("\n\n".join(parts))
        self.say(f"\nlearning curve: {picture}\nrun folder:     {self.folder.path}")

    def _manifest(self) -> dict[str, Any]:
        policy = self.first.policy
        return self.setup.fingerprint() | {
            "seeds": {"run": self.config.seed, "warm start continued": continued_seed(self.config.seed)},
            "device": str(self.first.device),
            "parameters": sum(weight.numel() for weight in policy.parameters()),
        }


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
