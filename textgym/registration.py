"""Names for tasks, rewards and environments: the decorators that give them and the functions that find them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from textgym.arguments import paths_as_strings
from textgym.core import Reward, Sample, Task
from textgym.errors import ConfigError, did_you_mean
from textgym.registry import Registry

TaskFactory = TypeVar("TaskFactory", bound=Callable[..., Task])
Judge = TypeVar("Judge", bound=Callable[..., Any])


def _adopt_reward(name: str, thing: Any) -> Callable[..., Reward]:
    """Return a factory from what an entry point leads to: a Reward class, a Reward, or a function."""
    if isinstance(thing, type) and issubclass(thing, Reward):
        return thing
    if isinstance(thing, Reward):
        return lambda: thing
    if not callable(thing) or isinstance(thing, type):
        raise ConfigError(f"a reward is a Reward class or a function (response, sample) -> float, got {thing!r:.80}")
    return _reward_of(thing, name)


def _adopt_task(name: str, thing: Any) -> Callable[..., Task]:
    """Return a factory from what an entry point leads to: a Task class, a Task, or a function that returns one."""
    if isinstance(thing, Task):
        return lambda: thing
    if not callable(thing) or (isinstance(thing, type) and not issubclass(thing, Task)):
        raise ConfigError(f"a task is a Task class, or a function that returns a Task, got {thing!r:.80}")
    return thing  # type: ignore[no-any-return]


def register_task(name: str) -> Callable[[TaskFactory], TaskFactory]:
    """Return a decorator that registers a task class, or a function that returns a task, under ``name``."""
    register = tasks.register(name)

    def decorate(factory: TaskFactory) -> TaskFactory:
        register(factory)
        if isinstance(factory, type):
            factory.name = name  # type: ignore[attr-defined]
        return factory

    return decorate


def register_reward(name: str) -> Callable[[Judge], Judge]:
    """Return a decorator that registers a reward class, or a function ``(response, sample) -> float``, under ``name``.

    A class that does not say its own ``name`` gets this one.
    """
    register = rewards.register(name)

    def decorate(judge: Judge) -> Judge:
        register(judge if isinstance(judge, type) else _reward_of(judge, name))
        if isinstance(judge, type) and "name" not in vars(judge):
            judge.name = name  # type: ignore[attr-defined]
        return judge

    return decorate


def _reward_of(function: Callable[[str, Sample], float], name: str) -> Callable[[], Reward]:
    def make() -> Reward:
        from textgym.rewards.function import FunctionReward

        return FunctionReward(function, name)

    # the registry tells a definition that was run again from another one of the same name by where it was written
    make.__module__, make.__qualname__, make.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return make


tasks: Registry[Callable[..., Task]] = Registry("task", "textgym.tasks", _adopt_task)
rewards: Registry[Callable[..., Reward]] = Registry("reward", "textgym.rewards", _adopt_reward)


def make_task(task: str | Task, **options: Any) -> Task:
    """Return the task registered under a name, built with ``options``; a task object is returned as it is.

    Raises:
        ConfigError: The name or an option is unknown (the nearest one is told), or options came with a task object.
    """
    if isinstance(task, Task):
        if options:
            raise ConfigError(f"The task {task.name!r} is already built: give {', '.join(options)} to its constructor.")
        return task
    if not isinstance(task, str):
        raise ConfigError(f"A task is a registered name or a Task object, got {task!r}.")
    refuse_unknown(f"The task {task!r}", options, tasks[task])
    made = tasks[task](**options)
    if not isinstance(made, Task):
        raise ConfigError(f"What is registered as the task {task!r} must return a Task, got {made!r:.80}.")
    return made


def option_names(factory: Callable[..., Any]) -> list[str]:
    """Return the names of the keyword arguments that a factory lists."""
    parameters = inspect.signature(factory).parameters.values()
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def refuse_unknown(owner: str, options: Iterable[str], factory: Callable[..., Any], also: Iterable[str] = ()) -> None:
    """Raise ConfigError for an option that ``factory`` does not list, with the nearest of its names and of ``also``."""
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(factory).parameters.values()):
        return
    known = option_names(factory)
    for name in options:
        if name not in known:
            raise ConfigError(f"{owner} has no option {name!r}. {did_you_mean(name, {*known, *also})}")


def make_reward(spec: Any) -> Reward:
    """Return a reward from a name, a weighted sum in a string, a dict, a plain function or a Reward."""
    from textgym.rewards.spec import make_reward

    return make_reward(spec)


def list_tasks() -> list[str]:
    """Return the names of all tasks, sorted."""
    return tasks.names()


def list_rewards() -> list[str]:
    """Return the names of all rewards, sorted."""
    return rewards.names()


def register_env(
    id: str,
    *,
    task: str | Task,
    entry_point: str = "textgym.env:TextGenerationEnv",
    vector_entry_point: str = "textgym.vector:TextGenerationVectorEnv",
    **defaults: Any,
) -> None:
    """Register an environment id for ``gym.make`` and ``gym.make_vec``.

    Args:
        id: ``namespace/Name-v0``; namespace and version may be left out.
        task: A registered name, or a Task (the id works all the same, but its spec cannot be written as JSON).
        entry_point: The class of the environment, as ``module:name``.
        vector_entry_point: That of many at once.
        defaults: Arguments of the environment and options of the task.

    Registering the same thing again does nothing; another thing under the same id replaces it, and
    Gymnasium warns.
    """
    spec = EnvSpec(
        id,
        entry_point=entry_point,
        vector_entry_point=vector_entry_point,
        kwargs={"task": task, **{name: paths_as_strings(value) for name, value in defaults.items()}},
    )
    if gym.registry.get(spec.id) != spec:
        gym.register(
            spec.id,
            entry_point=spec.entry_point,
            vector_entry_point=spec.vector_entry_point,
            kwargs=spec.kwargs,
        )


def register_edit_env(id: str, *, task: str | Task, **defaults: Any) -> None:
    """Register the id of an environment in which drafts are edited, a ``textgym.editing.EditEnv``.

    Arguments as for :func:`register_env`.
    """
    entry_points = {
        "entry_point": "textgym.editing.env:EditEnv",
        "vector_entry_point": "textgym.editing.vector:EditVectorEnv",
    }
    register_env(id, task=task, **(entry_points | defaults))
