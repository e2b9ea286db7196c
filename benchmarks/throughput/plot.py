"""The ratios as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.throughput.comparison import Comparison

HEIGHT = 0.8  # inches for each comparison


def draw(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write a PNG: a bar for each ratio on a logarithmic scale, a whisker from least to greatest, marks for targets."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.4 + HEIGHT * len(comparisons)), layout="constrained")
    axes = figure.subplots()
    places = range(len(comparisons))
    ratios = [c.ratio for c in comparisons]
    whiskers = [[c.ratio - c.ratios[0] for c in comparisons], [c.ratios[-1] - c.ratio for c in comparisons]]
    axes.barh(places, ratios, height=0.55, color="#4878a8", xerr=whiskers, capsize=3, label="measured, median")
    for limit, colour in (("target", "#c0392b"), ("bound", "#222222")):
        known = [(getattr(c, limit), i) for i, c in enumerate(comparisons) if getattr(c, limit) is not None]
        axes.plot(*zip(*known, strict=True), "|", color=colour, markersize=28, markeredgewidth=2)
        axes.plot([], [], "|", color=colour, markersize=10, markeredgewidth=2, label=limit)
    for i, comparison in enumerate(comparisons):
        axes.annotate(f"{comparison.ratio:.1f}x", (1.05, i), color="white", va="center", fontsize=9)
    axes.set_yticks(places, [_label(c) for c in comparisons], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(0.9, 150)
    axes.set_xlabel("times faster")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    figure.legend(loc="outside upper center", ncol=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _label(comparison: Comparison) -> str:
    setting = comparison.setting.split(";")[0].replace(", minibatches", ",\nminibatches")
    return f"{comparison.name} against\n{comparison.other}\n{setting}"
