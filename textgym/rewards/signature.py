"""Signatures: one line that says how a number was made, in the manner of sacreBLEU (Post, 2018)."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version


@lru_cache(maxsize=16)
def package_version(package: str) -> str:
    """Return the installed version of a package, or "unknown" where none is installed."""
    if package == "textgym":  # may be used from its folder, without being installed
        from textgym import __version__

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def signature(name: str, level: str, oracle: str | None = None, **fields: object) -> str:
    """Return ``name|level|key:value|...`` with the versions of textgym and of the package that defines the metric.

    Args:
        name: The metric.
        level: "sentence" or "corpus".
        oracle: The package that defines the metric, where there is one.
        fields: The options; bools read yes or no.
    """
    values = {key: ("no", "yes")[value] if isinstance(value, bool) else value for key, value in fields.items()}
    versions = {package: package_version(package) for package in ("textgym", oracle) if package}
    return "|".join([name, level, *(f"{key}:{value}" for key, value in {**values, **versions}.items())])
