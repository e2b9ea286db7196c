"""Names for user simulators, and how one is made from what a user may give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from textgym.errors import ConfigError
from textgym.registration import refuse_unknown
from textgym.registry import Registry
from textgym.simulators.base import Simulator

Factory = TypeVar("Factory", bound=Callable[..., Simulator])


def _adopt(name: str, thing: Any) -> Callable[..., Simulator]:
    """Return a factory from what an entry point leads to: a Simulator class, a Simulator, or a function."""
    if isinstance(thing, Simulator):
        return lambda: thing
    if not callable(thing) or (isinstance(thing, type) and not issubclass(thing, Simulator)):
        raise ConfigError(f"a simulator is a Simulator class, or a function that returns one, got {thing!r:.80}")
    return thing  # type: ignore[no-any-return]


simulators: Registry[Callable[..., Simulator]] = Registry("simulator", "textgym.simulators", _adopt)


def register_simulator(name: str) -> Callable[[Factory], Factory]:
    """Return a decorator that registers a simulator class, or a function that returns one, under ``name``."""
    register = simulators.register(name)

    def decorate(factory: Factory) -> Factory:
        register(factory)
        if isinstance(factory, type):
            factory.name = name  # type: ignore[attr-defined]
        return factory

    return decorate


def list_simulators() -> list[str]:
    """Return the names of all simulators, sorted."""
    return simulators.names()


def make_simulator(spec: Any) -> Simulator:
    """Return the simulator that ``spec`` stands for.

    Args:
        spec: A registered name, with options if any (``"rule(noise=0.2)"``, ``{"name": "rule", "noise": 0.2}``), or a
            Simulator, which is returned as it is.

    Raises:
        ConfigError: It is none of these, or the name or an option is unknown (the nearest one is told).
    """
    if isinstance(spec, Simulator):
        return spec
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        return _build(spec["name"], {key: value for key, value in spec.items() if key != "name"})
    if not isinstance(spec, str):
        raise ConfigError(
            f"A simulator is a name, a dict {{'name': ..., option: value}} or a Simulator, got {spec!r:.80}."
        )
    return _build(*_parse(spec))


def _build(name: str, options: Mapping[str, Any]) -> Simulator:
    factory = simulators[name]
    refuse_unknown(f"The simulator {name!r}", options, factory)
    try:
        made = factory(**options)
    except TypeError as error:
        raise ConfigError(f"The simulator {name!r} cannot be made with {dict(options)}: {error}.") from error
    if not isinstance(made, Simulator):
        raise ConfigError(
            f"What is registered as the simulator {name!r} must be a class derived from textgym.simulators.Simulator, "
            f"or a function that returns such a one, got {made!r:.80}."
        )
    return made


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    """Read ``name`` or ``name(option=literal, ...)``; nothing in it is evaluated."""
    if "(" not in text or text in simulators:
        return text, {}
    try:
        match ast.parse(text.strip(), mode="eval").body:
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return name, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    raise ConfigError(f"A simulator is written as a name or as in 'rule(noise=0.2)', got {text!r:.80}.")
