"""What the wrappers of this package share: they pass on what a text environment can do beyond Gymnasium."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from textgym.core import BoolArray
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.vector import TextGenerationVectorEnv

Observation = npt.NDArray[np.int32]
OWN, INNER = "wrapper", "inner"  # keys of a snapshot


class TextWrapper(gym.Wrapper[Observation, Any, Observation, Any], gym.utils.RecordConstructorArgs):
    """Around one text environment; :meth:`own_state` and :meth:`set_own_state` are for a wrapper that has a state.

    Args:
        env: What it goes around.
        arguments: Those of the subclass, for the environment's spec.
    """

    def __init__(self, env: gym.Env[Any, Any], **arguments: Any) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, **arguments)
        gym.Wrapper.__init__(self, env)
        if not env.has_wrapper_attr("episodes"):
            raise ConfigError(
                f"{type(self).__name__} goes around a text environment, got {env}: make one by gym.make('textgym/...')."
            )

    @property
    def episodes(self) -> Episodes:
        """What defines the episodes of the environment."""
        return cast(Episodes, self.env.get_wrapper_attr("episodes"))

    def action_masks(self) -> BoolArray:
        """Return which actions are allowed next, bool."""
        return cast(BoolArray, self.env.get_wrapper_attr("action_masks")())

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the environment and of the wrapper, JSON values only, for :meth:`restore`."""
        return {INNER: self.env.get_wrapper_attr("snapshot")(), OWN: self.own_state()}

    def restore(self, snapshot: Mapping[str, Any]) -> Observation:
        """Go back to a snapshot; return the observation."""
        if not isinstance(snapshot, Mapping) or not {INNER, OWN} <= snapshot.keys():
            raise ConfigError(f"This is no snapshot of {type(self).__name__}: it lacks {INNER!r} or {OWN!r}.")
        observation = self.env.get_wrapper_attr("restore")(snapshot[INNER])
        self.set_own_state(snapshot[OWN])
        return cast(Observation, observation)

    def own_state(self) -> dict[str, Any]:
        """Return the state of the wrapper, JSON values."""
        return {}

    def set_own_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`own_state` gave."""


def refuse_other_actions(wrapper: TextWrapper | TextVectorWrapper) -> None:
    """Raise ConfigError unless the actions of the environment inside are token ids."""
    V = wrapper.episodes.space.vocab_size
    inside = wrapper.env.action_space if isinstance(wrapper, TextWrapper) else wrapper.env.single_action_space
    if inside != gym.spaces.Discrete(V):
        raise ConfigError(
            f"{type(wrapper).__name__} writes token ids, and the actions of what it goes around are {inside}, not "
            f"Discrete({V}): put it inside of the wrapper that changes them."
        )


class TextVectorWrapper(gym.vector.VectorWrapper):
    """Around a native vector environment of text."""

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        if not isinstance(env.unwrapped, TextGenerationVectorEnv):
            raise ConfigError(
                f"{type(self).__name__} goes around a native vector environment of text, got {env}: make one by "
                "gym.make_vec('textgym/...')."
            )

    @property
    def native(self) -> TextGenerationVectorEnv:
        """The environment without wrappers."""
        return cast(TextGenerationVectorEnv, self.env.unwrapped)

    @property
    def episodes(self) -> Episodes:
        """What defines the episodes of the environment."""
        return self.native.episodes

    def action_masks(self) -> BoolArray:
        """Return which actions are allowed next, bool [num_envs, ...]."""
        return cast(BoolArray, self._inner("action_masks")())

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the environment, JSON values only, for :meth:`restore`."""
        return cast(dict[str, Any], self._inner("snapshot")())

    def restore(self, snapshot: Mapping[str, Any]) -> Any:
        """Go back to a snapshot; return the observations."""
        return self._inner("restore")(snapshot)

    def _inner(self, name: str) -> Any:
        """Return a method of the outermost environment inside that has it: Gymnasium's own wrappers have none."""
        env: Any = self.env
        while not hasattr(env, name):
            env = env.env
        return getattr(env, name)
