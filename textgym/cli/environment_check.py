"""``textgym check ID``: every checker on an environment, each on one of its own."""

from __future__ import annotations

import io
import json
import re
import warnings
from argparse import Namespace
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.error import Error as GymnasiumError

from textgym.arguments import seed_number
from textgym.errors import ConfigError, TextGymError
from textgym.making import make
from textgym.rendering import printable

GROUP = "textgym.checkers"  # entry points of functions that take an environment, and raise
FOUND = 1  # the exit code when a checker finds something
CODES = re.compile(r"\x1b\[[\d;]*m")  # Gymnasium colours its warnings

Checker = Callable[[gym.Env[Any, Any]], Any]


class NotRunError(Exception):
    """A checker that is not there; its text says why."""


class Finding(NamedTuple):
    """What a checker says.

    Attributes:
        checker: Its name.
        problem: What does not hold; "" where all does.
        missing: Why it was not run, else "".
        warnings: What it warned of.
        checks: What became of each of its checks, where it tells.
    """

    checker: str
    problem: str
    missing: str
    warnings: list[str]
    checks: dict[str, str]


def check_environment(arguments: Namespace) -> int:
    """Run every checker on the environment ``arguments.id``; return the exit code."""
    options, seed = _options(arguments.kwargs), seed_number(arguments.seed) or 0
    findings = [_finding(name, checker, _made(arguments.id, options)) for name, checker in checkers(seed).items()]
    told = {"environment": arguments.id, "findings": [finding._asdict() for finding in findings]}
    print(json.dumps(told, indent=1) if arguments.json else as_text(arguments.id, findings))
    failed = any(finding.problem or (arguments.strict and finding.warnings) for finding in findings)
    return FOUND if failed else 0


def checkers(seed: int = 0) -> dict[str, Checker]:
    """Return Gymnasium's checker, those of entry points, and this library's."""
    from gymnasium.utils.env_checker import check_env

    from textgym.checker import check_text_env

    found: dict[str, Checker] = {"gymnasium": lambda env: check_env(env.unwrapped)}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found[point.name] = _loaded(point.load)
    return found | {"textgym": lambda env: check_text_env(env, seed)}


def _loaded(load: Callable[[], Checker]) -> Checker:
    def run(env: gym.Env[Any, Any]) -> Any:
        try:
            checker = load()
        except ModuleNotFoundError as error:
            raise NotRunError(f"not run: the package {error.name} is not installed") from error
        return checker(env.unwrapped)

    return run


def _options(text: str | None) -> dict[str, Any]:
    try:
        options = {} if text is None else json.loads(text)
    except ValueError as error:
        raise ConfigError(f"--kwargs must be JSON, got {text!r}: {error}.") from error
    if not isinstance(options, dict):
        raise ConfigError(f"--kwargs must be a JSON object of arguments, got {text!r}.")
    return options


def _made(id: str, options: dict[str, Any]) -> gym.Env[Any, Any]:
    try:
        return make(id, **options)
    except (TextGymError, GymnasiumError):
        raise
    except Exception as error:
        raise ConfigError(f"The environment {id!r} cannot be made: {type(error).__name__}: {error}.") from error


def _finding(name: str, checker: Checker, env: gym.Env[Any, Any]) -> Finding:
    """Run a checker; whatever it raises is what it found."""
    checks: Any = {}
    problem = missing = ""
    # some render modes print
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            checks = checker(env)
        except NotRunError as error:
            missing = str(error)
        except Exception as error:
            problem = str(error) if isinstance(error, TextGymError) else f"{type(error).__name__}: {error}"
    seen = list(dict.fromkeys(CODES.sub("", str(warning.message)) for warning in caught))
    return Finding(name, problem, missing, seen, checks if isinstance(checks, dict) else {})


def as_text(id: str, findings: list[Finding]) -> str:
    """Return what the checkers say, a line each and one for everything that does not hold or does not apply."""
    width = max(len(finding.checker) for finding in findings)
    lines = [id, ""]
    for finding in findings:
        lines.append(f"{finding.checker:<{width}}  {_verdict(finding)}")
        lines += [f"  {name}: {text}" for name, text in finding.checks.items() if text != "holds"]
        lines += [f"  warns: {printable(warning)}" for warning in finding.warnings]
        lines += [f"  {printable(finding.problem)}"] if finding.problem else []
    return "\n".join(lines)


def _verdict(finding: Finding) -> str:
    if finding.problem or finding.missing:
        return finding.missing or "FAILS"
    held = sum(text == "holds" for text in finding.checks.values())
    return f"{held} of {len(finding.checks)} checks hold, the others do not apply" if held else "holds"
