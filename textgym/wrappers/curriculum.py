"""One task in several difficulties, and a wrapper that goes on to the next when the present one succeeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym

from textgym.arguments import real_number, reset_options, whole_numbers
from textgym.core import Sample, Task
from textgym.derived import DerivedSamples
from textgym.errors import ConfigError
from textgym.registration import make_task
from textgym.sources import split_samples
from textgym.tokenizers import Tokenizer
from textgym.wrappers.base import Observation, TextWrapper
from textgym.wrappers.success import SuccessRate


class Levels(Task):
    """The samples of several tasks one after the other, from easy to hard.

    Tokenizer, reward, P and T are those of the last, which must be able to hold the prompts of all.

    Args:
        task: A registered name whose task takes ``difficulty``, or the tasks themselves.
        difficulties: For a name: which, in ascending order.

    Raises:
        ConfigError: There is no level.
    """

    name = "levels"

    def __init__(self, task: str | Sequence[Task], difficulties: Iterable[int] = ()) -> None:
        if isinstance(task, str):
            tasks = [make_task(task, difficulty=d) for d in whole_numbers("difficulties", difficulties)]
        else:
            tasks = list(task) if isinstance(task, Iterable) else []
        if not tasks or not all(isinstance(level, Task) for level in tasks):
            raise ConfigError(
                "Levels is made of a task's name and one difficulty or more, Levels('sort_letters', range(1, 6)), or "
                f"of a list of tasks, got {task!r:.80} and {difficulties!r:.80}."
            )
        self.tasks, hardest = tasks, tasks[-1]
        self.name = f"{hardest.name} in {len(tasks)} levels"
        self.reward, self.splits, self.overlong = hardest.reward, hardest.splits, hardest.overlong
        self.max_prompt_tokens = max(task.max_prompt_tokens for task in tasks)
        self.max_new_tokens = max(task.max_new_tokens for task in tasks)

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the last level."""
        return self.tasks[-1].tokenizer()

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split, level by level."""
        return LeveledSamples([split_samples(task, split) for task in self.tasks])


class LeveledSamples(DerivedSamples):
    """The samples of each level, one after the other.

    Attributes:
        starts: The index of each level's first sample, and the number of samples in all.
    """

    def __init__(self, levels: Sequence[Sequence[Sample]]) -> None:
        self.levels = levels
        self.starts = [0]
        for level in levels:
            self.starts.append(self.starts[-1] + len(level))

    def __len__(self) -> int:
        return self.starts[-1]

    def _sample(self, i: int) -> Sample:
        level = self.level(i)
        return self.levels[level][i - self.starts[level]]

    def level(self, index: int) -> int:
        """Return which level, from 0, a sample is of."""
        return next(level for level, end in enumerate(self.starts[1:]) if index < end)


class DifficultyCurriculum(TextWrapper):
    """Episodes of one level, until it succeeds; then of the next.

    Args:
        env: An environment of :class:`Levels`: ``TextGenerationEnv(Levels("sort_letters", range(1, 6)))``.
        threshold: The mean success of ``window`` episodes at the present level from which the next one is played.
        window: Episodes of the present level over which it is taken.
        succeeds_at: The score from which an episode is a success.
        review: The share of episodes that are drawn from the levels before, so that they are not forgotten.

    Attributes:
        level: The present one, from 0.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        threshold: float = 0.8,
        window: int = 50,
        succeeds_at: float = 1.0,
        review: float = 0.2,
    ) -> None:
        super().__init__(env, threshold=threshold, window=window, succeeds_at=succeeds_at, review=review)
        samples = self.episodes.samples
        if not isinstance(samples, LeveledSamples):
            raise ConfigError(f"DifficultyCurriculum plays Levels, got the task {self.episodes.task.name!r}.")
        if not 0.0 <= real_number("review", review) < 1.0:
            raise ConfigError(f"review is a share of episodes in [0, 1), got {review}.")
        self.samples = samples
        self.success = SuccessRate(threshold, window, succeeds_at)
        self.review = float(review)
        self.level = self._playing = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; ``info["level"]`` tells of which level it is.

        Args:
            seed: Of the environment's generator, which also draws the level and the sample.
            options: ``{"index": i}`` plays a sample of any level, which counts as an episode of that level.
        """
        chosen = reset_options(options, "index")
        if not chosen:
            if seed is not None:
                self.env.reset(seed=seed)
            chosen, seed = {"index": self._draw()}, None
        observation, info = self.env.reset(seed=seed, options=chosen)
        self._playing = self.samples.level(info["index"])
        return observation, info | {"level": self._playing}

    def _draw(self) -> int:
        rng = self.np_random
        before = self.level and rng.random() < self.review
        level = int(rng.integers(self.level)) if before else self.level
        return int(rng.integers(self.samples.starts[level], self.samples.starts[level + 1]))

    def step(self, action: Any) -> tuple[Observation, Any, bool, bool, dict[str, Any]]:
        """Write a token."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if (terminated or truncated) and self._playing == self.level and self.success.record(info):
            self.level = min(self.level + 1, len(self.samples.levels) - 1)
        return observation, reward, terminated, truncated, info

    def own_state(self) -> dict[str, Any]:
        """Return the level, that of the episode, and the successes."""
        return {"level": self.level, "playing": self._playing, "successes": self.success.state()}

    def set_own_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`own_state` gave."""
        self.level, self._playing = int(state["level"]), int(state["playing"])
        self.success.set_state(state["successes"])
