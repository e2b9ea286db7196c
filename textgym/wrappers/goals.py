"""The prompt names a goal that the response shall reach, and the reward weighs in whether it does."""

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

GOAL = "goal"  # the key of a sample's metadata under which its goal stands


class GoalConditioned(Task):
    """Every sample of a task once with each goal.

    The prompt is the goal, a line break, and the task's prompt. The reward is ``weight`` times that of the goal plus
    ``1 - weight`` times the task's own (as in Schaul et al., 2015, a policy that reads the goal learns all of them). To
    learn from a failure as if it had been asked for, :meth:`relabelled` gives the same sample with another goal
    (hindsight: Andrychowicz et al., 2017).

    Args:
        task: A registered name or a Task.
        goals: What the prompt says, and the reward, as ``make_reward`` takes it, that judges whether a response does
            it: ``{"Briefly.": "max(0, 1 - 0.2 * length)", "Without repetition.": "distinct"}``.
        weight: Of the goal, in [0, 1].

    Raises:
        ConfigError: There is no goal, or the weight is out of range.
    """

    name = "goal_conditioned"

    def __init__(self, task: str | Task, goals: Mapping[str, Any], weight: float = 0.5) -> None:
        self.task = make_task(task)
        if not isinstance(goals, Mapping) or not goals or not all(isinstance(goal, str) and goal for goal in goals):
            raise ConfigError(f"goals must be a dict from what the prompt says to a reward, got {goals!r:.200}.")
        if not 0.0 <= real_number("weight", weight) <= 1.0:
            raise ConfigError(f"weight must lie in [0, 1], got {weight}.")
        self.goals = tuple(goals)
        self.name = f"{self.task.name} with goals"
        judges = {goal: make_reward(spec) for goal, spec in goals.items()}
        self.reward = GoalReward(make_reward(self.task.reward), judges, float(weight))
        self.max_new_tokens, self.splits, self.overlong = (
            self.task.max_new_tokens,
            self.task.splits,
            self.task.overlong,
        )
        # a token of a goal is at least a byte: with any tokenizer the task's prompts still fit
        self.max_prompt_tokens = self.task.max_prompt_tokens + max(len(f"{goal}\n".encode()) for goal in goals)

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split: the first one with each goal, then the second one, and so on."""
        return GoalSamples(split_samples(self.task, split), self.goals)

    def relabelled(self, sample: Sample, goal: str) -> Sample:
        """Return a sample of this task with another of its goals.

        Raises:
            ConfigError: The goal, or that of the sample, is none of this task.
        """
        old = sample.metadata.get(GOAL)
        if goal not in self.goals or old not in self.goals:
            raise ConfigError(f"A goal must be one of {self.goals}, got {goal!r} for a sample with the goal {old!r}.")
        return asked(dataclasses.replace(sample, prompt=sample.prompt.removeprefix(f"{old}\n")), goal)


class GoalSamples(DerivedSamples):
    """Every sample with every goal; looked up when asked for."""

    def __init__(self, samples: Sequence[Sample], goals: Sequence[str]) -> None:
        self.inner, self.goals = samples, goals

    def __len__(self) -> int:
        return len(self.inner) * len(self.goals)

    def _sample(self, i: int) -> Sample:
        number, goal = divmod(i, len(self.goals))
        return asked(self.inner[number], self.goals[goal])


class GoalReward(Reward):
    """The task's own reward and that of each sample's goal, weighed.

    Args:
        own: The task's.
        goals: One for each goal.
        weight: Of the goal's.
    """

    name = "with_goal"

    def __init__(self, own: Reward, goals: Mapping[str, Reward], weight: float) -> None:
        self.own, self.goals, self.weight = own, dict(goals), weight
        low = min(reward.bounds[0] for reward in goals.values())
        high = max(reward.bounds[1] for reward in goals.values())
        self.bounds = _mixed(own.bounds[0], low, weight), _mixed(own.bounds[1], high, weight)
        self.needs_references = own.needs_references or any(reward.needs_references for reward in goals.values())

    @property
    def signature(self) -> str:
        """Of the task's reward, of every goal's, and the weight."""
        told = ";".join(f"{goal}={reward.signature}" for goal, reward in self.goals.items())
        return f"with_goal|weight:{self.weight:.12g}|own:{self.own.signature}|goals:{told}"

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores, float64 [N], with one call of each reward."""
        goals = [sample.metadata.get(GOAL) for sample in samples]
        if unknown := set(goals) - self.goals.keys():
            raise DataError(f"A sample's metadata['goal'] must be one of {', '.join(self.goals)}, got {unknown}.")
        reached = np.zeros(len(responses))
        for goal, reward in self.goals.items():
            rows = [row for row, of in enumerate(goals) if of == goal]
            if rows:
                reached[rows] = judge(reward, [responses[row] for row in rows], [samples[row] for row in rows])
        own = judge(self.own, responses, samples)
        return np.asarray(self.weight * reached + (1.0 - self.weight) * own, dtype=np.float64)


def asked(sample: Sample, goal: str) -> Sample:
    """Return a sample whose prompt begins with a goal, which its metadata tells too."""
    return dataclasses.replace(sample, prompt=f"{goal}\n{sample.prompt}", metadata={**sample.metadata, GOAL: goal})


def _mixed(own: float, goal: float, weight: float) -> float:
    return (weight * goal if weight else 0.0) + ((1.0 - weight) * own if weight < 1.0 else 0.0)
