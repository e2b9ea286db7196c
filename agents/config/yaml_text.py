"""YAML read strictly: no key twice, no tabs, no dates by accident; ``1e-5`` is a number; only plain values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from textgym.errors import ConfigError, did_you_mean


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        ConfigError: There is no such file, it is no YAML mapping, a key stands twice, or a tab indents a line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        near = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise ConfigError(
            f"The configuration {path} cannot be read: {error}. {did_you_mean(path.name, near)}"
        ) from error
    tab = re.search(r"^ *\t", text, re.MULTILINE)
    if tab:
        line = text.count("\n", 0, tab.start()) + 1
        raise ConfigError(f"{path}:{line}: the line is indented with a tab, which YAML forbids: use spaces.")
    values = {} if (found := parse_yaml(text, str(path))) is None else found  # an empty file changes nothing
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold keys and values such as 'seed: 1', got {values!r:.60}.")
    return values


def parse_yaml(text: str, source: str) -> Any:
    """Return the value of YAML text; ``source`` names it in errors. ``1e-5`` is a number, dates are text."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{source}{where}: this is not YAML that can be read: {problem}.") from error


def to_yaml(values: dict[str, Any]) -> str:
    """Return values as YAML, in their order.

    Raises:
        ConfigError: A value is no plain one, but a function or another object.
    """
    try:
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        raise ConfigError(
            f"A configuration holds text, numbers, lists and mappings, got {error.args[-1]!r}: register a reward or "
            "task of your own under a name (textgym.register_reward), and give the name."
        ) from error


class _Loader(yaml.SafeLoader):
    """Safe loading that refuses duplicate keys, reads ``1e-5`` as YAML 1.2 does, and leaves dates as text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be plain text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)
