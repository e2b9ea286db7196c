"""``textgym list``: what can be made by name, with one line each."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from textgym.cli.parser import Parser
from textgym.errors import TextGymError
from textgym.registration import rewards, tasks
from textgym.registry import Registry
from textgym.simulators.factory import simulators


def list_names(argv: list[str]) -> int:
    """Run ``textgym list``."""
    parser = Parser("list", "Tell the environments, tasks, rewards and simulators that are known.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args(argv).json
    listing = {"environments": environments(), "tasks": described(tasks), "rewards": described(rewards)}
    listing["simulators"] = described(simulators)
    print(json.dumps(listing, indent=1) if as_json else as_text(listing))
    return 0


def environments() -> dict[str, str]:
    """Return the registered text environments and what their task is."""
    known = described(tasks)
    return {
        id: known.get(task, str(task)) if isinstance(task := spec.kwargs.get("task"), str) else _first_line(task)
        for id, spec in sorted(gym.registry.items())
        if str(spec.vector_entry_point).startswith("textgym.")
    }


def described(registry: Registry[Any]) -> dict[str, str]:
    """Return the names of a registry with the first line of each documentation; what fails to import says so."""
    lines = {}
    for name in registry.names():
        try:
            lines[name] = _first_line(registry[name])
        except TextGymError as error:
            lines[name] = f"cannot be used: {error}"
    return lines


def as_text(listing: Mapping[str, Mapping[str, str]]) -> str:
    """Return a listing as columns."""
    width = max(len(name) for entries in listing.values() for name in entries)
    lines = []
    for title, entries in listing.items():
        lines += [title, *(f"  {name:<{width}}  {text}".rstrip() for name, text in entries.items()), ""]
    return "\n".join(lines).rstrip()


def _first_line(thing: object) -> str:
    text = inspect.getdoc(thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)) or ""
    return text.partition("\n")[0]
