"""Settings on the command line: ``--key value``, ``--key=value``, ``key=value``, or ``--flag``, which is true."""

from __future__ import annotations

import re
from collections.abc import Container

from textgym.errors import ConfigError

SETTING = re.compile(r"[A-Za-z_][\w.-]*=")


def take(rest: list[str], verb: str, flags: Container[str] | None = None) -> tuple[str, str]:
    """Take one setting off the arguments of a verb and return its key and value.

    Args:
        rest: The arguments.
        verb: For messages.
        flags: The keys that need no value; None for any.

    Raises:
        ConfigError: The first argument is none, or lacks its value.
    """
    argument = rest.pop(0)
    if SETTING.match(argument):
        argument = f"--{argument}"
    if not argument.startswith("--") or argument == "--":
        raise ConfigError(f"Settings are given as --key value, got {argument!r}: see textgym {verb} --help.")
    name, equals, value = argument[2:].partition("=")
    name = name.replace("-", "_")
    if not equals and rest and not rest[0].startswith("--"):
        return name, rest.pop(0)
    if not equals and flags is not None and name not in flags:
        raise ConfigError(f"--{name} needs a value: --{name} VALUE; see textgym {verb} --help.")
    return name, value if equals else "true"
