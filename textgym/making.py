"""``textgym.make`` and ``textgym.make_vec``: Gymnasium's, with a hint where an id is not known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
from gymnasium.error import UnregisteredEnv

from textgym.errors import ConfigError, did_you_mean


def make(id: str, **arguments: Any) -> gym.Env[Any, Any]:
    """Return ``gym.make(id, **arguments)``; whoever can call this has imported what registers the ids.

    Raises:
        ConfigError: There is no such id; the nearest one is told.
    """
    with _hint(id):
        return gym.make(id, **arguments)


def make_vec(id: str, num_envs: int = 1, **arguments: Any) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Return ``gym.make_vec(id, num_envs, **arguments)``, a native vector environment; as :func:`make`."""
    with _hint(id):
        return gym.make_vec(id, num_envs, **arguments)


@contextmanager
def _hint(id: str) -> Iterator[None]:
    try:
        yield
    except UnregisteredEnv as error:
        ids = [name for name in gym.registry if "/" in name]
        raise ConfigError(
            f"There is no environment {id!r}. {did_you_mean(id, ids)} `textgym list` tells all; the module that "
            "registers one's own must be imported first."
        ) from error
