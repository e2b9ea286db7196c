"""The comparisons as a Markdown table, with what was aimed at and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.timing import median

BEGIN, END = "<!-- throughput: begin -->", "<!-- throughput: end -->"
HEAD = (
    "| measure | model | against | ours | theirs | ratio [least, greatest] | target | |",
    "|---|---|---|---|---|---|---|---|",
)


def table(comparisons: Sequence[Comparison]) -> str:
    """Return a line for each comparison, its settings and details below the table."""
    details = [f"- {_title(c)}: {c.setting}." + _details(c) for c in comparisons]
    return "\n".join([*HEAD, *map(_row, comparisons), "", *details])


def section(lines: Sequence[Mapping[str, Any]], comparisons: Sequence[Comparison]) -> str:
    """Return what a results file says: on what it was measured, and the table."""
    return f"{machines(lines)}\n\n{table(comparisons)}"


def inserted(page: str, text: str) -> str:
    """Return a page with a text in place of what stands between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page must hold the lines {BEGIN} and {END}, between which the table comes to stand")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def machines(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return on what the cells of a results file were measured, a sentence for each processor with its versions."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        machine = line["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        told = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {versions}"
        found.setdefault(told, []).append(line)
    return "\n".join(f"Measured on {told}{_conditions(cells)}" for told, cells in found.items())


def _conditions(lines: Sequence[Mapping[str, Any]]) -> str:
    loads = [load for line in lines for load in (line["machine"]["load"], line["machine"]["load_after"])]
    speeds = [max(line["machine"]["gflops"].values()) for line in lines]
    repeats = [line["repeats"] for line in lines]
    settings = {name: value for line in lines for name, value in line["machine"]["set"].items()}
    told = f"; load {min(loads)} to {max(loads)}; matrix products at {min(speeds):.0f} to {max(speeds):.0f} GFLOP/s; "
    told += (
        f"{min(repeats)} to {max(repeats)} measurements of each side."
        if len(set(repeats)) > 1
        else (f"{repeats[0]} measurements of each side.")
    )
    if settings:
        told += " A tuned allocator: " + " ".join(f"{name}={value}" for name, value in settings.items()) + "."
    return told


def _title(comparison: Comparison) -> str:
    return f"{comparison.name} ({comparison.model})" if comparison.model else comparison.name


def _details(comparison: Comparison) -> str:
    told = {name: str(value) for name, value in comparison.details.items()}
    if comparison.done:
        told["counted, ours and theirs"] = " and ".join(f"{n:,}" for n in comparison.done.values())
    return "".join(f" {name}: {value};" for name, value in told.items()).removesuffix(";")


def _row(comparison: Comparison) -> str:
    ratios = comparison.ratios
    target = (
        "" if comparison.target is None else f"{'at most' if comparison.at_most else 'at least'} {comparison.target:g}"
    )
    cells = (
        comparison.name,
        comparison.model,
        comparison.other,
        _cost(comparison, comparison.ours),
        _cost(comparison, comparison.theirs),
        f"**{comparison.ratio:.2f}** [{ratios[0]:.2f}, {ratios[-1]:.2f}]",
        target,
        _verdict(comparison),
    )
    return "| " + " | ".join(cells) + " |"


def _cost(comparison: Comparison, values: list[float]) -> str:
    if comparison.cost_unit != "s":
        return f"{median(values):,.0f} {comparison.cost_unit}"
    return f"{comparison.speed(values):,.0f} {comparison.unit}/s"


def _verdict(comparison: Comparison) -> str:
    verdict = {None: "", True: "met", False: "**missed**"}[comparison.met]
    if comparison.same_work is False:
        return f"{verdict} (the sides' work differs)".strip()
    return verdict
