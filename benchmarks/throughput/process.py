"""A cell in a process of its own: ``python -m benchmarks.throughput.process CELL REPEATS`` prints its line.

So no cell meets what another one left behind, compiled or allocated, and the C allocator starts with its settings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.throughput.cells import Cell, cells

ALLOCATOR = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")


class CellFailed(Exception):
    """The process of a cell ended with an error; the message has the end of what it said."""


def environment(cell: Cell) -> dict[str, str]:
    """Return the variables for a cell's process: one thread, and no allocator's settings but the cell's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ALLOCATOR)}
    return kept | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"} | cell.environment


def run(cell: Cell, repeats: int) -> dict[str, Any]:
    """Measure a cell in a process of its own; return its line.

    Raises:
        CellFailed: It ended with an error.
    """
    command = [sys.executable, "-m", "benchmarks.throughput.process", cell.name, str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(cell), check=False)
    if done.returncode:
        raise CellFailed(f"{cell.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return line


def measure(cell: Cell, repeats: int) -> dict[str, Any]:
    """Measure a cell in this process; return its line."""
    import torch

    from benchmarks.throughput import machine

    torch.set_num_threads(1)
    torch.manual_seed(0)
    start = time.monotonic()
    described = machine.describe()
    comparisons = cell.measure(repeats, max(described["gflops"].values()))
    told = {"cell": cell.name, "repeats": repeats, "seconds": round(time.monotonic() - start)}
    told["cpu_seconds"] = round(sum(os.times()[:4]))  # of this process and its own ones: those of an idle machine
    ended = {"load_after": round(os.getloadavg()[0], 1), "set": cell.environment}
    return told | {"machine": described | ended, "comparisons": [c.to_json() for c in comparisons]}


if __name__ == "__main__":
    print(json.dumps(measure(cells()[sys.argv[1]], int(sys.argv[2]))))
