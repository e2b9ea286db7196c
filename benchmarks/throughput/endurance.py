"""``python -m benchmarks.throughput.endurance``: the memory of a run after each of 50 iterations.

Each case learns in a process of its own from responses of all lengths, which end as the policy has it. Noted is what
the process holds after each iteration, and how many bytes of tensors there are. The first ten iterations are for
warming up.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.throughput import resident
from benchmarks.throughput.planning import GPT2_4M, KL, T5, Case, iterate

ITERATIONS, SETTLED = 50, 10
TARGET = 0.05  # growth after the first ones, as a share of the memory by then
RESULTS = Path(__file__).parents[1] / "results" / "endurance.jsonl"
SMALL = GPT2_4M | {"n_embd": 128, "n_layer": 2}
CASES = {
    "GPT-2, GRPO": Case(SMALL, 500, (16, 48), "GRPO", 8, KL | {"slots": 16, "part_size": 512}),
    "GPT-2, PPO": Case(SMALL, 500, (16, 48), "PPO", 32, KL | {"batch_size": 512}),
    "T5, PPO": Case(T5 | {"d_model": 128, "num_layers": 2}, 500, (16, 48), "PPO", 32, KL | {"batch_size": 512}),
}


def main() -> None:
    """Measure, print a table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, help="measure one case in this process, and print it as JSON")
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measured(CASES[options.case], options.iterations)))
        return
    lines = []
    for name in CASES:
        command = [sys.executable, "-m", "benchmarks.throughput.endurance", "--case", name]
        told = subprocess.run(
            [*command, "--iterations", str(options.iterations)], capture_output=True, text=True, check=True
        ).stdout
        lines.append({"case": name, **json.loads(told.splitlines()[-1])})
        print({key: value for key, value in lines[-1].items() if not isinstance(value, list)}, flush=True)
    options.results.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def measured(case: Case, iterations: int) -> dict[str, Any]:
    """Return megabytes after each iteration, their slope, the growth after the first ones, and the lengths seen."""
    torch.set_num_threads(1)
    algorithm = case.algorithm_in(case.environment(ends=True))
    held, tensors, lengths = [], [], set()
    for _ in range(iterations):
        iterate(algorithm)
        held.append(resident.now() / 1e6)
        tensors.append(tensor_bytes())
        lengths |= set(algorithm.rollout_buffer.experience.own.sum(axis=1).tolist())
    later = np.array(held[SETTLED:])
    return {
        "iterations": iterations,
        "lengths": [min(lengths), max(lengths)],
        "megabytes a hundred iterations": round(100 * float(np.polyfit(np.arange(len(later)), later, 1)[0]), 2),
        "growth": round(float(later.max() / held[SETTLED - 1] - 1), 4),
        "target": TARGET,
        "tensors grow": tensors[-1] - tensors[SETTLED - 1],
        "megabytes": [round(size, 1) for size in held],
    }


def tensor_bytes() -> int:
    """Return the bytes of all tensors that Python knows."""
    gc.collect()
    storages = [item.untyped_storage() for item in gc.get_objects() if issubclass(type(item), torch.Tensor)]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


if __name__ == "__main__":
    main()
