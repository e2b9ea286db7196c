"""An episode that is played for a check: what was done is remembered, so that a failure can be seen again."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np

from textgym.errors import CheckError, TextGymError

SHOWN = 40  # actions that a message tells

Outcome = tuple[Any, ...]


class Trace:
    """Plays an environment and remembers seeds, actions and outcomes.

    Args:
        env: What is played.
        name: How messages call it.

    Attributes:
        seed: What the last reset was given.
        actions: Those since the last reset.
        outcomes: What reset and steps returned since then, copied at once.
    """

    def __init__(self, env: gym.Env[Any, Any], name: str) -> None:
        self.env = env
        self.name = name
        self.actions: list[Any] = []
        self.outcomes: list[Outcome] = []
        self.seed: int | None = None
        self._began = "env.reset() was not called"

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start an episode; return the observation."""
        told = {name: value for name, value in (("seed", seed), ("options", options)) if value is not None}
        self._began = f"env.reset({', '.join(f'{name}={value!r}' for name, value in told.items())})"
        self.actions, self.seed = [], seed
        try:
            outcome = self.env.reset(**told)  # type: ignore[arg-type]
        except Exception as error:
            self.fail("reset() must start an episode", _told(error), error)
        if not isinstance(outcome, tuple) or len(outcome) != 2 or not isinstance(outcome[1], dict):
            self.fail("reset() must return an observation and a dict", _short(outcome))
        self.outcomes = [copy.deepcopy(outcome)]
        return outcome[0]

    def step(self, action: Any) -> Outcome:
        """Take an action; return observation, reward, terminated, truncated and info."""
        self.actions.append(action)
        try:
            outcome = self.env.step(action)
        except Exception as error:
            self.fail("step() must take every action that is allowed", _told(error), error)
        if not isinstance(outcome, tuple) or len(outcome) != 5 or not isinstance(outcome[4], dict):
            self.fail("step() must return observation, reward, terminated, truncated and a dict", _short(outcome))
        self.outcomes.append(copy.deepcopy(outcome))
        return outcome

    def follow(self, actions: Sequence[Any]) -> list[Outcome]:
        """Take actions one after another; return what they led to."""
        return [copy.deepcopy(self.step(action)) for action in actions]

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        return len(self.outcomes) > 1 and bool(self.outcomes[-1][2] or self.outcomes[-1][3])

    @property
    def observation(self) -> Any:
        """The last observation."""
        return self.outcomes[-1][0]

    @property
    def info(self) -> dict[str, Any]:
        """The last information."""
        return self.outcomes[-1][-1]  # type: ignore[no-any-return]

    def fail(self, must: str, got: str, error: Exception | None = None) -> NoReturn:
        """Say what must hold, what was got, and how to see it again."""
        actions = [plain(action) for action in self.actions]
        more = f" and {len(actions) - SHOWN} more" if len(actions) > SHOWN else ""
        steps = f", then the actions {actions[:SHOWN]}{more}" if actions else ""
        raise CheckError(f"{self.name}: {must}; got {got}. To see it again: {self._began}{steps}.") from error


def plain(action: Any) -> Any:
    """Return an action as Python values."""
    return action.tolist() if isinstance(action, (np.ndarray, np.generic)) else action


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal to the last bit: types, dtypes, shapes and values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    return bool(left == right) or (left != left and right != right)


def difference(left: Sequence[Outcome], right: Sequence[Outcome]) -> str:
    """Tell the first difference between what the same calls led to; "" where there is none."""
    names = {2: ("observation", "info"), 5: ("observation", "reward", "terminated", "truncated", "info")}
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        for name, a, b in zip(names[len(one)], one, other, strict=True):
            if not same(a, b):
                return f"after {place} of these calls another {name}: {_short(a)} and {_short(b)}"
    return "" if len(left) == len(right) else f"{len(left)} calls, and {len(right)}, until the end"


def _told(error: Exception) -> str:
    kind = "" if isinstance(error, TextGymError) else f"{type(error).__name__}: "
    return f"{kind}{error}".rstrip(".")


def _short(value: Any) -> str:
    text = repr(plain(value))
    return text if len(text) <= 200 else f"{text[:200]}..."
