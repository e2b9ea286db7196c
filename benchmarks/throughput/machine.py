"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks.throughput.timing import cpu_seconds, median

PACKAGES = ("gymnasium", "stable-baselines3", "torch", "transformers", "numpy", "trl")


def describe() -> dict[str, Any]:
    """Return the processor, the load by other jobs, the versions, and the GFLOP/s of one thread's matrix products."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES if find_spec(name.replace("-", "_"))},
        "gflops": {
            f"{n}x{k} @ {k}x{m}": round(gflops(n, k, m), 1) for n, k, m in ((1024, 1024, 1024), (512, 256, 1024))
        },
    }


def gflops(n: int, k: int, m: int, repeats: int = 9) -> float:
    """Return the median speed of a float32 product [n, k] @ [k, m], 10^9 floating-point operations a second."""
    left, right = torch.randn(n, k), torch.randn(k, m)
    calls = max(1, round(2e10 / (2 * n * k * m)))

    def products() -> None:
        for _ in range(calls):
            left @ right

    return 2e-9 * n * k * m * calls / median([cpu_seconds(products) for _ in range(repeats)])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
