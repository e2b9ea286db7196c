"""``python -m benchmarks.throughput``: measure cell after cell, each in a process of its own on one thread.

Every finished cell is a JSON line in the results file at once, and is not measured again: a run can be stopped anywhere
and goes on when it is given again. At the end stands the table, with the targets, and the plot.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.throughput.cells import Cell, cells, chosen
from benchmarks.throughput.models import MODELS
from benchmarks.throughput.plot import draw
from benchmarks.throughput.process import CellFailed, run
from benchmarks.throughput.results import Results
from benchmarks.throughput.table import inserted, section

RESULTS = Path(__file__).parents[1] / "results" / "throughput.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for; return 1 where a cell failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    wanted = chosen(options.only, options.models, options.all)
    if not wanted:
        parser.error("no cell is chosen by these --only and --models: see --list --all")
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {options.repeats}")
    results = Results(options.results)
    if options.list:
        for cell in wanted:
            print(f"{cell.name:44}", cell.absent() or ("measured" if results.has(cell.name, options.repeats) else ""))
        return 0
    failed = 0
    if not options.table:
        failed = sum(not _measure(cell, results, options.repeats, options.again) for cell in wanted)
    comparisons = results.comparisons(cells())
    if comparisons:
        draw(comparisons, options.results.with_suffix(".png"))
        text = section(list(results.lines.values()), comparisons)
        print(text)
        if options.readme:
            options.readme.write_text(inserted(options.readme.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="cells with one of these in their name")
    parser.add_argument("--models", nargs="+", default=[], choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--all", action="store_true", help="all cells, not only those of the usual run")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each side, of which the median counts")
    parser.add_argument("--again", action="store_true", help="measure again what is in the results file")
    parser.add_argument("--list", action="store_true", help="tell the cells, and measure none")
    parser.add_argument("--table", action="store_true", help="print what is in the results file, and measure nothing")
    parser.add_argument("--readme", type=Path, help="write the table into this page, too, between its marks")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file; the plot comes beside it")
    return parser


def _measure(cell: Cell, results: Results, repeats: int, again: bool) -> bool:
    """Measure a cell unless that is done or cannot be; return whether nothing failed."""
    reason = cell.absent() or ("measured before" if results.has(cell.name, repeats) and not again else None)
    if reason:
        print(f"{cell.name}: left out, {reason}", file=sys.stderr)
        return True
    print(f"{cell.name}: load {os.getloadavg()[0]:.1f}", end="", file=sys.stderr, flush=True)
    try:
        line = run(cell, repeats)
    except CellFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return False
    results.add(line)
    ratios = ", ".join(f"{comparison['ratio']:.2f}" for comparison in line["comparisons"])
    print(f", {line['seconds']} s, {line['cpu_seconds']} of them computing, ratio {ratios}", file=sys.stderr)
    return True


if __name__ == "__main__":
    sys.exit(main())
