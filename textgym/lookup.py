"""The episodes that are meant by a task, an environment or a name."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from textgym.core import Task
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.registration import list_tasks


def episodes_of(thing: Any) -> Episodes:
    """Return the arguments of an environment, resolved.

    Args:
        thing: A text environment, single or vector, wrapped or not; a ``Task`` or its registered name, which stand for
            an environment with the task's defaults; or an environment id.

    Raises:
        ConfigError: It is none of these, or an environment of several turns or of edits.
    """
    if isinstance(thing, Episodes):
        return _single(thing)
    if isinstance(thing, Task) or (isinstance(thing, str) and (thing in list_tasks() or "/" not in thing)):
        return Episodes(thing)
    env = gym.make(thing, disable_env_checker=True) if isinstance(thing, str) else thing
    episodes = getattr(getattr(env, "unwrapped", None), "episodes", None)
    if not isinstance(episodes, Episodes):
        raise ConfigError(
            f"This is no text environment, task or name of one: {thing!r:.80}. Pass what gym.make() or "
            "textgym.make_task() returned, or one of textgym.list_tasks()."
        )
    return _single(episodes)


def _single(episodes: Episodes) -> Episodes:
    """Return the arguments of an environment whose episode is one response, written token by token."""
    if type(episodes) is not Episodes:
        raise ConfigError(
            "Known and exact returns are for environments in which an episode is one response, written token by token, "
            f"got the {type(episodes).__name__} of the task {episodes.task.name!r}."
        )
    return episodes
