"""``textgym doctor``: what is installed, what is missing, and which plug-ins do not work."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from typing import Any

from textgym.cli.parser import Parser
from textgym.errors import MissingExtraError, TextGymError
from textgym.registration import rewards, tasks
from textgym.registry import Plugin
from textgym.simulators.factory import simulators

REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;]*(?:;.*extra\s*==\s*['\"](?P<extra>[\w-]+)['\"])?")
FOUND = 1  # the exit code when a plug-in does not work


def doctor(argv: list[str]) -> int:
    """Run ``textgym doctor``."""
    parser = Parser("doctor", "Tell versions, what is missing and how to get it, and plug-ins that do not work.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args(argv).json
    plugins = [*tasks.plugins(), *rewards.plugins(), *simulators.plugins(), *_verbs()]
    told = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
        "rewards": unusable_rewards(),
        "plugins": [plugin._asdict() for plugin in plugins],
    }
    print(json.dumps(told, indent=1) if as_json else as_text(told, plugins))
    return FOUND if any(plugin.problem for plugin in plugins) else 0


def packages() -> dict[str, dict[str, str | None]]:
    """Return for each extra, "core" among them, the version of each package, None where it is missing."""
    from textgym import __version__

    found: dict[str, dict[str, str | None]] = {"core": {"textgym": __version__}}
    try:
        wanted = requires("textgym") or []
    except PackageNotFoundError:  # used from its folder, without being installed
        wanted = []
    for requirement in wanted:
        match = REQUIREMENT.match(requirement)
        if match and match["name"] != "textgym":
            found.setdefault(match["extra"] or "core", {})[match["name"]] = _version(match["name"])
    return found


def unusable_rewards() -> dict[str, str]:
    """Return the rewards that lack a package, with how to get it; those that need options are not tried."""
    missing: dict[str, str] = {}
    for name in rewards.names():
        try:
            factory = rewards[name]
            if not hasattr(factory, "lacking"):
                factory()
            elif why := factory.lacking():  # to make it would load a network
                missing[name] = why
        except MissingExtraError as error:
            missing[name] = str(error)
        except (TextGymError, TypeError):
            continue  # it needs options, or is a plug-in that is told of elsewhere
    return missing


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _verbs() -> list[Plugin]:
    """Return the verbs of other distributions."""
    from textgym.cli import GROUP

    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package, problem = point.dist.name if point.dist else "unknown", ""
        if package == "textgym":
            continue
        try:
            point.load()
        except (Exception, SystemExit) as error:
            problem = f"{point.value!r} fails to import: {type(error).__name__}: {error}"
        found.append(Plugin("verb", point.name, point.value, package, problem))
    return found


def as_text(told: Mapping[str, Any], plugins: list[Plugin]) -> str:
    """Return the findings as lines."""
    lines = [f"python {told['python']} on {told['platform']}"]
    for extra, versions in told["packages"].items():
        lines += ["", extra]
        lines += [f"  {name:<24}  {number or 'missing'}" for name, number in versions.items()]
        if extra not in ("core", "all") and None in versions.values():
            lines.append(f'  to get what is missing: pip install "textgym[{extra}]"')
    lines += ["", "rewards that lack a package", *_listed(f"{n}: {why}" for n, why in told["rewards"].items())]
    lines += ["", "plug-ins"]
    lines += _listed(
        f"{plugin.kind} {plugin.name} from {plugin.package} ({plugin.value}): {plugin.problem or 'works'}"
        for plugin in plugins
    )
    return "\n".join(lines)


def _listed(lines: Any) -> list[str]:
    return [f"  {line}" for line in lines] or ["  none"]
