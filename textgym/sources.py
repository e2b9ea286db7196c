"""Where episodes come from: a task by name or as an object, its samples, or the user's data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from textgym.core import Sample, Task
from textgym.data import DataTask, load_data
from textgym.errors import ConfigError, DataError, did_you_mean
from textgym.registration import make_task, option_names, refuse_unknown, tasks

Built = TypeVar("Built")


def resolve_task(task: str | Task, data: Any, options: dict[str, Any], known: Iterable[str]) -> Task:
    """Return the task on its own samples, on another of its sources, or on the user's data.

    Args:
        task: A registered name or a Task.
        data: None, one of the task's ``sources``, or what ``load_data`` takes.
        options: For the task's constructor; with the user's data, those that the reader knows go to the reader.
        known: Other names that the user may have meant with an option that nobody knows.
    """
    readers = [] if data is None else [name for name in option_names(load_data) if name not in ("data", "like")]
    reading = {name: options[name] for name in readers if name in options}
    options = {name: value for name, value in options.items() if name not in reading}
    known = [*known, *readers]
    if not isinstance(task, str):
        refuse_unknown("The environment", options, lambda: None, also=known)
        return make_task(task) if data is None else load_data(data, like=make_task(task), **reading)
    factory = tasks[task]
    takes = getattr(factory, "takes", None)  # of a task that reads its own published format
    if takes is not None and takes(data, reading):
        options |= reading
        refuse_unknown(f"The environment of the task {task!r}", options, factory, also=known)
        return remembered(factory, **options) if data is None else factory(data=data, **options)
    refuse_unknown(f"The environment of the task {task!r}", options, factory, also=known)
    if is_source(task, data):
        return remembered(factory, source=data, **options)
    built = remembered(factory, **options)
    return built if data is None else load_data(data, like=built, **reading)


def is_source(task: str | Task, data: Any) -> bool:
    """Whether ``data`` is the name of another source of a registered task."""
    return isinstance(task, str) and isinstance(data, str) and data in getattr(tasks[task], "sources", ())


def split_samples(task: Task, split: str) -> Sequence[Sample]:
    """Return the samples of a split, at least one."""
    if split not in task.splits and not isinstance(task, DataTask):  # which tells how to give the split
        raise ConfigError(f"The task {task.name!r} has no split {split!r}. {did_you_mean(str(split), task.splits)}")
    where = f"The split {split!r} of the task {task.name!r}"
    samples = remembered(task.samples, split)
    if not hasattr(samples, "__len__") or not hasattr(samples, "__getitem__"):
        raise DataError(f"{where} must be a sequence of Sample, got {type(samples).__name__}: return a list.")
    if not len(samples):
        raise DataError(f"{where} has no samples: there is nothing to play.")
    if not isinstance(samples[0], Sample):
        raise DataError(f"{where} must hold Sample objects, got {type(samples[0]).__name__}: {samples[0]!r:.60}.")
    return samples


def remembered(build: Callable[..., Built], *arguments: Any, **options: Any) -> Built:
    """Call ``build``, once per process for the same arguments: tasks, samples and tokenizers never change."""
    try:
        hash((build, arguments, *options.values()))
    except TypeError:
        return build(*arguments, **options)
    return _once(build, *arguments, **options)  # type: ignore[no-any-return]


@lru_cache(maxsize=32, typed=True)
def _once(build: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return build(*arguments, **options)
