"""Each prompt several times, for baselines that compare the responses to one prompt with each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from textgym.arguments import lane_seeds, reset_options, seed_number, whole_number
from textgym.errors import ConfigError
from textgym.wrappers.base import Observation, TextVectorWrapper, TextWrapper


class RepeatPrompts(TextWrapper):
    """Every drawn prompt is played in ``times`` episodes in a row.

    A seed, and ``options["index"]``, start a new group.

    Args:
        env: A text environment.
        times: G, at least 1.
    """

    def __init__(self, env: gym.Env[Any, Any], times: int) -> None:
        super().__init__(env, times=times)
        self.times = _checked(times)
        self._played = 0  # episodes of the present group that were begun
        self._index = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; ``info["repeat"]`` counts those of the group from 0."""
        again = 0 < self._played < self.times and seed is None and not options
        observation, info = self.env.reset(seed=seed, options={"index": self._index} if again else options)
        self._played = self._played + 1 if again else 1
        self._index = int(info["index"])
        return observation, info | {"repeat": self._played - 1}

    def own_state(self) -> dict[str, Any]:
        """Return where in its group the episode stands."""
        return {"played": self._played, "index": self._index}

    def set_own_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`own_state` gave."""
        self._played, self._index = int(state["played"]), int(state["index"])


class RepeatPromptsVector(TextVectorWrapper):
    """Lanes in groups of ``times`` neighbours, of which each plays the same prompts in the same order.

    The n-th episodes of the lanes of a group have one prompt, whenever each of them begins. The lanes of a group have
    equal generators: with seed s, lane i has s + i // times.

    Args:
        env: A native vector environment, whose number of lanes is a multiple of ``times``.
        times: G, at least 1.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any], times: int) -> None:
        super().__init__(env)
        self.times = _checked(times)
        if self.num_envs % self.times:
            raise ConfigError(f"num_envs must be a multiple of times={self.times}, got {self.num_envs}.")
        self._seeded = False

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Start episodes; the first reset without a seed draws one, since equal lanes need equal seeds.

        Args:
            seed: s for all groups, or one for each group; None goes on with the present generators.
            options: ``index`` would part the lanes of a group for good, so there is none; see the environment.
        """
        reset_options(options, "reset_mask")
        if seed is None and not self._seeded:
            seed = int(gym.utils.seeding.np_random()[0].integers(2**31))
        self._seeded = self._seeded or seed is not None
        return self.env.reset(seed=self._of_lanes(seed), options=options)  # type: ignore[arg-type]

    def restore(self, snapshot: Mapping[str, Any]) -> Any:
        """Go back to a snapshot, whose lanes are equal already; return the observations."""
        observations = super().restore(snapshot)
        self._seeded = True
        return observations

    def _of_lanes(self, seed: Any) -> list[int | None] | None:
        if seed is None:
            return None
        groups = lane_seeds(seed, self.num_envs // self.times)
        return [seed_number(groups[lane // self.times]) for lane in range(self.num_envs)]


def _checked(times: int) -> int:
    if whole_number("times", times) < 1:
        raise ConfigError(f"times must be at least 1, got {times}.")
    return int(times)
