"""``python -m benchmarks.throughput``: measure everything on one thread, print a table, write JSON lines and a plot.

The first line of the JSON describes the machine, each further line is a comparison with every single measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks.throughput import environments, grouped, iterations, machine, rollouts, variable_lengths
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.plot import draw
from benchmarks.throughput.table import table

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    """Run the comparisons that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each side, of which the median counts")
    parser.add_argument("--only", help="compare only what has this in its name: environment, iteration or rollout")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for throughput.jsonl and throughput.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    described = machine.describe()
    print(json.dumps(described, indent=1), flush=True)
    comparisons = list(_measured(options.repeats, max(described["gflops"].values()), options.only or ""))
    options.results.mkdir(parents=True, exist_ok=True)
    lines = [described, *(comparison.to_json() for comparison in comparisons)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (options.results / "throughput.jsonl").write_text(text, encoding="utf-8")
    draw(comparisons, options.results / "throughput.png")
    print(table(comparisons))


def _measured(repeats: int, gflops: float, only: str) -> list[Comparison]:
    parts: dict[str, Callable[[], Comparison]] = {
        "environment, free reward": lambda: environments.compare(None, repeats),
        "environment, BLEU": lambda: environments.compare("bleu", repeats),
        "rollout": lambda: rollouts.compare(repeats, gflops),
        "rollout, variable length": lambda: variable_lengths.compare(repeats),
    }
    for size, shape in iterations.SHAPES.items():
        parts[f"iteration, {size}"] = partial(iterations.compare, shape, repeats, gflops)
    parts["GRPO iteration"] = lambda: grouped.compare(repeats)
    comparisons = []
    for name, measure in parts.items():
        if only in name:
            start = time.monotonic()
            comparisons.append(measure())
            taken = time.monotonic() - start
            print(
                f"{name}: {comparisons[-1].ratio:.2f} times, measured in {taken:.0f} s, load {os.getloadavg()[0]:.1f}"
            )
    return comparisons


if __name__ == "__main__":
    main()
