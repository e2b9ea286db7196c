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


def text_ids() -> list[str]:
    """Return the ids of all environments that have a task."""
    return sorted(id for id, spec in gym.registry.items() if "task" in spec.kwargs)


@contextmanager
def _hint(id: str) -> Iterator[None]:
    try:
        yield
    except UnregisteredEnv as error:
        raise ConfigError(
            f"There is no environment {id!r}. {_nearest(id)} `textgym list` tells all; the module that registers one's "
            "own must be imported first."
        ) from error


def _nearest(id: str) -> str:
    """Return which ids are meant: those of a task of that name, else the nearest."""
    ids = text_ids()
    if own := [name for name in ids if gym.spec(name).kwargs["task"] == id]:
        return f"That is a task, which {' and '.join(own)} {'plays' if len(own) == 1 else 'play'}."
    return did_you_mean(id, ids)
