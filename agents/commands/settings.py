"""Settings on the command line: ``--key value``, ``--key=value``, or ``--flag``, which is true."""

from __future__ import annotations

from textgym.errors import ConfigError


def take(rest: list[str], verb: str) -> tuple[str, str]:
    """Take one setting off the arguments of a verb and return its key and value.

    Raises:
        ConfigError: The first argument is none.
    """
    argument = rest.pop(0)
    if not argument.startswith("--") or argument == "--":
        raise ConfigError(f"Settings are given as --key value, got {argument!r}: see textgym {verb} --help.")
    name, equals, value = argument[2:].partition("=")
    if not equals:
        value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
    return name.replace("-", "_"), value
