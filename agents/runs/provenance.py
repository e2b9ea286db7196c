"""Where numbers come from: the command, the versions, the machine and the commit that made them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "transformers", "stable-baselines3", "gymnasium", "numpy", "sacrebleu", "rouge-score")


def provenance() -> dict[str, Any]:
    """Return when, where and with which versions this process runs."""
    return {
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "versions": versions(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "git": _git(),
    }


def versions() -> dict[str, str | None]:
    """Return the versions of Python, of this library and of those that its numbers depend on; None if not there."""
    import textgym

    return {"python": platform.python_version(), "textgym": textgym.__version__} | {p: _version(p) for p in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Return the commit of the working directory and whether files differ from it; None outside of a repository."""
    try:
        commit = _git_output("rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_git_output("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _git_output(*arguments: str) -> str:
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    return result.stdout.strip()
