"""From YAML files and ``--key value`` pairs to a checked configuration dataclass.

Layers, each over the one before: the defaults of the dataclass, files, single keys. A section (a nested dataclass) is
merged key by key; a free mapping, such as a model's configuration, is replaced as a whole by a file and changed item by
item by ``--model.n_layer 2``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from agents.config.yaml_text import parse_yaml, read_yaml
from textgym.errors import ConfigError, did_you_mean

C = TypeVar("C")

TYPE_NAMES = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    list: "a list such as [bleu, chrf]",
    dict: "a mapping such as {key: value}",
    types.NoneType: "null",
}


class Key(NamedTuple):
    """One setting: its full name, type, default and description."""

    name: str
    kind: Any
    default: Any
    text: str


def read_config(cls: type[C], files: Iterable[Path] = (), overrides: Iterable[tuple[str, str]] = ()) -> C:
    """Return ``cls`` with the values of files and of overrides, pairs of a dotted key and YAML text.

    Raises:
        ConfigError: A file cannot be read, a key is unknown (the nearest one is told), or a value has the wrong type.
    """
    values: dict[str, Any] = {}
    for file in files:
        _merge(cls, values, _section(cls, read_yaml(file), f"{file}: ", ""))
    for name, text in overrides:
        _override(cls, values, name.replace("-", "_"), text)
    return _build(cls, values)


def keys(cls: type[Any], prefix: str = "") -> Iterator[Key]:
    """Yield every key of a configuration dataclass, those of its sections included."""
    hints, texts = get_type_hints(cls), _attribute_texts(cls)
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            yield from keys(kind, f"{prefix}{field.name}.")  # type: ignore[arg-type]
        else:
            yield Key(prefix + field.name, kind, _default(field), texts.get(field.name, ""))


def typed(kind: Any, value: Any, where: str) -> Any:
    """Return a value as ``kind``, a type of a configuration dataclass; ints become floats and 2e6 an int where due.

    Raises:
        ConfigError: It has another type; the message begins with ``where``, the value's place.
    """
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for option in options:
        try:
            return _as(option, value)
        except TypeError:
            continue
    literals = [str(value) for option in options if get_origin(option) is Literal for value in get_args(option)]
    hint = f" {did_you_mean(str(value), literals)}" if literals else ""
    raise ConfigError(f"{where} must be {type_name(kind)}, got {value!r} ({type(value).__name__}).{hint}")


def type_name(kind: Any) -> str:
    """Return a type in plain words; of a union, the types that a file can hold."""
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(filter(None, map(type_name, get_args(kind))))
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return TYPE_NAMES.get(get_origin(kind) or kind, "")


def _as(option: Any, value: Any) -> Any:
    """Return ``value`` as one plain type; TypeError when it is not."""
    origin, arguments = get_origin(option), get_args(option)
    if origin is list and isinstance(value, list):
        return [_as(arguments[0], item) for item in value]
    whole = isinstance(value, float) and value.is_integer()
    if option is int and (whole or isinstance(value, int)) and not isinstance(value, bool):
        return int(value)
    if option is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    fits = (
        option is Any
        or (origin is Literal and value in arguments)
        or (origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value))
        or (option in (bool, str, types.NoneType) and isinstance(value, option))
    )
    if not fits:
        raise TypeError
    return value


def _section(cls: type[Any], values: Any, source: str, prefix: str) -> dict[str, Any]:
    """Return one layer with every key known and every value of the right type."""
    if not isinstance(values, dict):
        raise ConfigError(f"{source}{prefix.rstrip('.')} must hold keys and values, got {values!r}.")
    hints = get_type_hints(cls)
    layer = {}
    for name, value in values.items():
        if name not in hints:
            raise ConfigError(f"{source}{prefix}{name} is not known. {did_you_mean(str(name), hints)}")
        if dataclasses.is_dataclass(hints[name]):
            layer[name] = _section(hints[name], value, source, f"{prefix}{name}.")
        else:
            layer[name] = typed(hints[name], value, f"{source}{prefix}{name}")
    return layer


def _merge(cls: type[Any], values: dict[str, Any], layer: dict[str, Any]) -> None:
    hints = get_type_hints(cls)
    for name, value in layer.items():
        if dataclasses.is_dataclass(hints[name]):
            _merge(hints[name], values.setdefault(name, {}), value)
        else:
            values[name] = value


def _override(cls: type[Any], values: dict[str, Any], name: str, text: str) -> None:
    """Set one dotted key; a key under a free mapping changes that item only."""
    known = {key.name: key for key in keys(cls)}
    mapping = next((key for key in known.values() if name.startswith(f"{key.name}.") and _is_mapping(key.kind)), None)
    key = known.get(name) or mapping
    if key is None:
        raise ConfigError(f"--{name} is not known. {did_you_mean(name, known)}")
    *sections, last = key.name.split(".")
    for section in sections:
        values = values.setdefault(section, {})
    if key.name == name:
        values[last] = typed(key.kind, _plain(key.kind, text), f"--{name}")
    else:
        values[last] = _with_item(values.get(last, key.default), name, key.name, text)


def _with_item(mapping: Any, name: str, parent: str, text: str) -> dict[str, Any]:
    if not isinstance(mapping, dict):
        raise ConfigError(
            f"--{name} is an item of {parent}, which is {mapping!r} here: give --{parent} '{{...}}' first."
        )
    head, _, rest = name.removeprefix(f"{parent}.").partition(".")
    inner = f"{parent}.{head}"
    value = _with_item(mapping.get(head, {}), name, inner, text) if rest else parse_yaml(text, f"--{name}")
    return mapping | {head: value}


def _plain(kind: Any, text: str) -> Any:
    """Return the value of an override; where text is wanted, a name that looks like a number stays text."""
    value = parse_yaml(text, "the command line")
    wants_text = str in (kind, *get_args(kind))
    return text if wants_text and isinstance(value, (bool, int, float)) else value


def _is_mapping(kind: Any) -> bool:
    return dict in (get_origin(kind), *map(get_origin, get_args(kind)))


def _build(cls: type[C], values: dict[str, Any]) -> C:
    hints = get_type_hints(cls)
    needed = [field.name for field in dataclasses.fields(cls) if _default(field) is dataclasses.MISSING]  # type: ignore[arg-type]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ConfigError(f"{missing[0]} is not given: name it on the command line or in the configuration file.")
    return cls(
        **{
            name: _build(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
            for name, value in values.items()
        }
    )


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _attribute_texts(cls: type[Any]) -> dict[str, str]:
    """Return what the "Attributes" of a docstring say of each name."""
    _, _, listing = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    entries: Sequence[tuple[str, str]] = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listing, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
