"""An episode as lines of text: the render mode "ansi"."""

from __future__ import annotations

from textgym.rendering.view import View

INDENT = 11  # columns of a label


def as_lines(view: View) -> str:
    """Return an episode as lines that are safe to print, the sum of the rewards last."""
    lines = [labelled(row.label) + row.text for row in view.rows()]
    return "\n".join([*lines, labelled("reward") + view.outcome])


def labelled(label: str) -> str:
    """Return what stands before the text of a line."""
    return f"{label + ':':<{INDENT - 1}} "
