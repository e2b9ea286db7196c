"""How a run evaluates its policies: with its environment, its metrics and its seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

from agents.config.run_config import RunConfig
from agents.evaluation.evaluate import evaluate
from agents.evaluation.report import Report


def judge(config: RunConfig, policy: Any, deterministic: bool) -> Report:
    """Return the scores of a policy on the held-out samples of the comparison."""
    return _evaluate(config, policy, deterministic, config.evaluation.split, config.evaluation.num_samples)


def validation_judge(config: RunConfig) -> Callable[[BaseAlgorithm, bool], Report]:
    """Return a function that scores an algorithm's policy on a few validation samples, greedy or sampled."""

    def judge_on_validation(algorithm: BaseAlgorithm, deterministic: bool) -> Report:
        return _evaluate(config, algorithm, deterministic, "validation", config.evaluation.curve_samples)

    return judge_on_validation


def _evaluate(config: RunConfig, policy: Any, deterministic: bool, split: str, num_samples: int) -> Report:
    return evaluate(
        policy,
        config.env,
        config.evaluation.rewards or None,
        split=split,
        num_samples=num_samples,
        deterministic=deterministic,
        seed=config.seed,
        device=config.device,
        **config.env_kwargs,
    )
