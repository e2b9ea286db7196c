"""The ratios as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.throughput.comparison import Comparison

HEIGHT = 0.55  # inches for each comparison


def draw(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write a PNG: a bar for each ratio on a logarithmic scale, a whisker from least to greatest, marks for targets.

    Ratios that are to be small have another colour.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.4 + HEIGHT * len(comparisons)), layout="constrained")
    axes = figure.subplots()
    for at_most, colour, told in ((False, "#4878a8", "times faster"), (True, "#8a6fae", "ratio to keep small")):
        places = [i for i, c in enumerate(comparisons) if c.at_most == at_most]
        shown = [comparisons[i] for i in places]
        ratios = [c.ratio for c in shown]
        whiskers = [[c.ratio - c.ratios[0] for c in shown], [c.ratios[-1] - c.ratio for c in shown]]
        axes.barh(places, ratios, height=0.55, color=colour, xerr=whiskers, capsize=3, label=f"{told}, median")
    _mark_limits(axes, comparisons)
    for i, comparison in enumerate(comparisons):
        end = max(comparison.ratios[-1], comparison.target or 0.0, comparison.bound or 0.0)
        axes.annotate(f"{comparison.ratio:.2f}", (end * 1.1, i), va="center", fontsize=8)
    axes.set_yticks(range(len(comparisons)), [_label(c) for c in comparisons], fontsize=7)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(0.1, 200)
    axes.axvline(1.0, color="#999999", linewidth=0.8)
    ticks = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    figure.legend(loc="outside upper center", ncol=4, frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


def _mark_limits(axes: Any, comparisons: Sequence[Comparison]) -> None:
    for limit, colour in (("target", "#c0392b"), ("bound", "#222222")):
        known = [(getattr(c, limit), i) for i, c in enumerate(comparisons) if getattr(c, limit) is not None]
        if known:
            axes.plot(*zip(*known, strict=True), "|", color=colour, markersize=18, markeredgewidth=2)
            axes.plot([], [], "|", color=colour, markersize=10, markeredgewidth=2, label=limit)


def _label(comparison: Comparison) -> str:
    model = f", {comparison.model}" if comparison.model else ""
    return f"{comparison.name}{model}\nagainst {comparison.other}"
