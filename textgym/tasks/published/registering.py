"""The decorator of published benchmarks, which gives a task its name and its environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textgym.core import Task
from textgym.registration import register_env, register_task

Kind = TypeVar("Kind", bound=type[Task])


def benchmark(name: str, id: str) -> Callable[[Kind], Kind]:
    """Return a decorator that registers a task class under ``name``, and its environment under ``id``."""

    def decorate(kind: Kind) -> Kind:
        register_task(name)(kind)
        register_env(id, task=name)
        return kind

    return decorate
