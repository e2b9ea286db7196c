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


def column(name: str, signature: str) -> str:
    """Return what tables call a score: "1-wer" for wer, whose score is 1 minus the rate of that name.

    Args:
        name: What the metric is called, or how the user wrote it.
        signature: Its signature; that of an error rate has the field ``value:1-rate``.
    """
    metric, *fields = signature.split("|")
    is_one = metric.isidentifier() and " " not in signature  # no formula, whose parts have signatures
    return f"1-{name}" if is_one and "value:1-rate" in fields else name


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
