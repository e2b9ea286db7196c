"""Prompts of several tasks in one environment, each as often as its weight says, judged by its own reward."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from textgym.arguments import real_number
from textgym.core import FloatArray, Reward, Sample, Task
from textgym.derived import DerivedSamples
from textgym.errors import ConfigError, DataError
from textgym.registration import make_reward, make_task
from textgym.rewards.judge import judge
from textgym.sources import split_samples

CYCLE = 1000  # draws in which every task comes as often as its weight says, to the nearest thousandth
TASK = "task"  # the key of a sample's metadata under which the name of its task stands


class Mixture(Task):
    """Samples of several tasks.

    In every 1,000 samples in a row each task has its share, spread evenly; the samples of a task come in their order,
    over and over. Since environments draw indices uniformly, a prompt is of a task with the probability of its weight.
    ``sample.metadata["task"]`` tells which. By default the tokenizer is trained on the mixture, P and T are the
    greatest of the tasks', and each response is judged by the reward of its task.

    Args:
        tasks: Weights by task: registered names, or Task objects in a list of pairs. Weights are relative.

    Raises:
        ConfigError: There is no task, a weight is not above 0, or two tasks have one name.
    """

    name = "mixture"

    def __init__(self, tasks: Mapping[str, float] | Sequence[tuple[str | Task, float]]) -> None:
        pairs = _pairs(tasks)
        self.tasks = {task.name: task for task in (make_task(task) for task, _ in pairs)}
        if not pairs or len(self.tasks) < len(pairs):
            raise ConfigError(f"A mixture is of one task or more with different names, got {pairs!r:.200}.")
        weights = np.array([real_number("A weight", weight) for _, weight in pairs])
        if not (np.isfinite(weights).all() and (weights > 0).all()):
            raise ConfigError(f"Weights must be above 0 and finite, got {weights.tolist()}.")
        self.pattern = _pattern(weights / weights.sum())
        self.reward = MixtureReward({name: make_reward(task.reward) for name, task in self.tasks.items()})
        self.max_prompt_tokens = max(task.max_prompt_tokens for task in self.tasks.values())
        self.max_new_tokens = max(task.max_new_tokens for task in self.tasks.values())
        self.splits = tuple(s for s in Task.splits if all(s in task.splits for task in self.tasks.values()))
        rules = {task.overlong for task in self.tasks.values()}
        self.overlong = rules.pop() if len(rules) == 1 else "truncate"

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split, which are looked up when they are asked for."""
        return MixedSamples({name: split_samples(task, split) for name, task in self.tasks.items()}, self.pattern)


class MixedSamples(DerivedSamples):
    """The samples of several tasks in the order of a pattern.

    Args:
        parts: The samples of each task.
        pattern: Which part comes at each place of a cycle, int [CYCLE].
    """

    def __init__(self, parts: Mapping[str, Sequence[Sample]], pattern: np.ndarray) -> None:
        self.names, self.parts = list(parts), list(parts.values())
        self.pattern = pattern
        self.counts = np.bincount(pattern, minlength=len(self.parts))
        one_hot = pattern[:, None] == np.arange(len(self.parts))
        self.ranks = (np.cumsum(one_hot, axis=0) - one_hot)[np.arange(len(pattern)), pattern]
        self.cycles = max(-(-len(part) // int(n)) for part, n in zip(self.parts, self.counts, strict=True))

    def __len__(self) -> int:
        """Return the least number of whole cycles in which every sample of every task comes."""
        return self.cycles * len(self.pattern)

    def _sample(self, i: int) -> Sample:
        cycle, place = divmod(i, len(self.pattern))
        which = int(self.pattern[place])
        number = (cycle * int(self.counts[which]) + int(self.ranks[place])) % len(self.parts[which])
        sample = self.parts[which][number]
        return dataclasses.replace(sample, metadata={**sample.metadata, TASK: self.names[which]})


class MixtureReward(Reward):
    """Judges each response by the reward of its sample's task."""

    name = "by_task"

    def __init__(self, rewards: Mapping[str, Reward]) -> None:
        self.rewards = dict(rewards)
        bounds = [reward.bounds for reward in rewards.values()]
        self.bounds = (min(low for low, _ in bounds), max(high for _, high in bounds))
        self.needs_references = any(reward.needs_references for reward in rewards.values())

    @property
    def signature(self) -> str:
        """Every task with the signature of its reward."""
        return "by_task:" + ";".join(f"{name}={reward.signature}" for name, reward in self.rewards.items())

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores, float64 [N], with one call of each reward."""
        names = [sample.metadata.get(TASK) for sample in samples]
        unknown = set(names) - self.rewards.keys()
        if unknown:
            raise DataError(f"A sample's metadata['task'] must be one of {', '.join(self.rewards)}, got {unknown}.")
        scores = np.zeros(len(responses))
        for name, reward in self.rewards.items():
            rows = [row for row, of in enumerate(names) if of == name]
            if rows:
                scores[rows] = judge(reward, [responses[row] for row in rows], [samples[row] for row in rows])
        return scores


def _pairs(tasks: Any) -> list[tuple[str | Task, Any]]:
    """Return tasks with their weights."""
    pairs = list(tasks.items()) if isinstance(tasks, Mapping) else tasks
    if not isinstance(pairs, (list, tuple)) or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs):
        raise ConfigError(
            "A mixture is made of weights by task, {'translation': 2, 'sort_letters': 1}, or of pairs (task, weight), "
            f"got {tasks!r:.200}."
        )
    return list(pairs)


def _pattern(shares: FloatArray) -> np.ndarray:
    """Return which task each place of a cycle belongs to: always the one that lags furthest behind its share."""
    if (shares < 1 / CYCLE).any():
        raise ConfigError(f"A weight must be at least a thousandth of their sum, got the shares {shares.tolist()}.")
    given = np.zeros(len(shares))
    pattern = np.zeros(CYCLE, dtype=np.int64)
    for place in range(CYCLE):
        pattern[place] = which = int(np.argmax(shares * (place + 1) - given))
        given[which] += 1
    return pattern
