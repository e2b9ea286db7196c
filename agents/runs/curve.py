"""The learning curve of a run as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.runs.phase import CONTINUED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#4477AA", "#EE6677", "#999933", "#AA3377")  # Paul Tol's bright scheme, told apart by the colour-blind
Line = Mapping[str, Any]


def draw_curve(lines: Iterable[Line], path: Path) -> None:
    """Draw validation scores over both phases, and what was learned from, against seconds of learning.

    Args:
        lines: Of ``metrics.jsonl`` and of the continued warm start's metrics; the phases stand one after the other, but
            for the continued warm start, which runs beside reinforcement.
        path: Of the PNG file.
    """
    from matplotlib.figure import Figure

    phases = _phases(lines)
    figure = Figure(figsize=(9, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_validation(top, phases)
    _draw_training(bottom, phases)
    figure.legend(
        *top.get_legend_handles_labels(), loc="outside upper center", ncols=max(1, len(phases)), fontsize="small"
    )
    for phase, points in list(phases.items())[1:]:
        if phase != CONTINUED.label:
            for axes in (top, bottom):
                axes.axvline(points[0]["x"], color="0.6", linewidth=1, linestyle=":")
    bottom.set_xlabel("seconds of learning (validation excluded)")
    figure.savefig(path, dpi=120)  # without pyplot, so that no window system is asked for


def _phases(lines: Iterable[Line]) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of each phase, with ``x``, the seconds since the first phase began."""
    phases: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        phases.setdefault(line["phase"], []).append(dict(line))
    start = before = 0.0
    for phase, points in phases.items():
        start = before if phase == CONTINUED.label else start
        for point in points:
            point["x"] = start + point["seconds"]
        before, start = start, max(point["x"] for point in points)
    return phases


def _draw_validation(axes: Axes, phases: Mapping[str, list[dict[str, Any]]]) -> None:
    names = [key for points in phases.values() for point in points for key in point if key.startswith("validation/")]
    reward = next((name.split("/")[1] for name in names if not name.startswith("validation/length")), None)
    if reward is None:
        axes.text(0.5, 0.5, "no validation split", ha="center", transform=axes.transAxes)
        return
    for colour, (phase, points) in zip(COLOURS, phases.items(), strict=False):
        for mode, style in (("greedy", "-"), ("sampled", "--")):
            series = _series(points, f"validation/{reward}/{mode}")
            axes.plot(*series, style, color=colour, marker=".", label=f"{phase}, {mode}")
    axes.set_ylabel(f"validation {reward} (corpus)")
    axes.grid(alpha=0.3)


def _draw_training(axes: Axes, phases: Mapping[str, list[dict[str, Any]]]) -> None:
    """Draw the loss of supervised phases on the left axis and the mean reward of rollouts on the right one."""
    axes.set_ylabel("training loss, nats a token")
    rewards = axes.twinx()
    rewards.set_ylabel("mean reward of a rollout")
    for colour, (phase, points) in zip(COLOURS, phases.items(), strict=False):
        reward = _series(points, "rollout/ep_rew_mean")
        if reward[0]:
            rewards.plot(*reward, color=colour, linewidth=1.2, label=f"{phase}: reward (right)")
        else:
            axes.plot(*_series(points, "train/loss"), color=colour, linewidth=1.2, label=f"{phase}: loss (left)")
    axes.grid(alpha=0.3)
    handles = [handle for part in (axes, rewards) for handle in part.get_legend_handles_labels()[0]]
    axes.set_ymargin(0.3)  # room for the legend
    rewards.set_ymargin(0.3)
    axes.legend(handles=handles, loc="upper center", fontsize="small", ncols=max(1, len(phases)))


def _series(points: Iterable[Line], name: str) -> tuple[list[float], list[float]]:
    known = [(point["x"], point[name]) for point in points if point.get(name) is not None]
    return [x for x, _ in known], [y for _, y in known]
