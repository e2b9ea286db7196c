"""The comparisons as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.throughput.comparison import Comparison

HEAD = (
    "| what | against | ours, per second | theirs, per second | times faster [least, greatest] | target | bound |",
    "|---|---|---|---|---|---|---|",
)


def table(comparisons: Sequence[Comparison]) -> str:
    """Return a line for each comparison, its details below the table."""
    details = [
        f"- {c.name}, {c.setting}: " + "; ".join(f"{name} {value}" for name, value in c.details.items())
        for c in comparisons
        if c.details
    ]
    return "\n".join([*HEAD, *map(_row, comparisons), "", *details])


def _row(comparison: Comparison) -> str:
    ratios, unit = comparison.ratios, comparison.unit
    cells = (
        f"{comparison.name}: {comparison.setting}",
        comparison.other,
        f"{comparison.speed(comparison.ours):,.0f} {unit}",
        f"{comparison.speed(comparison.theirs):,.0f} {unit}",
        f"**{comparison.ratio:.2f}** [{ratios[0]:.2f}, {ratios[-1]:.2f}]",
        "-" if comparison.target is None else f"{comparison.target:.1f}",
        "-" if comparison.bound is None else f"{comparison.bound:.1f}",
    )
    return "| " + " | ".join(cells) + " |"
