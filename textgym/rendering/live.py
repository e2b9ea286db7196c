"""Episodes as they are played, in a terminal: the render mode "human"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textgym.core import IntArray
from textgym.rendering.lines import labelled
from textgym.rendering.terminal import Colour, Terminal, clipped
from textgym.rendering.view import View, printable

UP, CLEAR = "\x1b[{}A", "\x1b[2K"


class LiveEpisode:
    """One episode, piece by piece: what is written appears at the end of its line.

    A piece is green when it was paid for, red when it cost something. A text that is not what was shown and more, as of
    an editor, is written on a new line.
    """

    def __init__(self) -> None:
        self.terminal = Terminal()
        self._shown: View | None = None  # what stands there; None before the first episode and after each

    def show(self, view: View) -> None:
        """Show what has changed since the last time."""
        self.terminal.write("".join(self._news(view)))
        self._shown = None if view.ended else view

    def close(self) -> None:
        """Leave the line, if an episode stands there half."""
        if self._shown is not None:
            self.terminal.write("\n")
            self._shown = None

    def _news(self, view: View) -> Iterable[str]:
        shown = self._shown
        if shown is None or self._is_another(view, shown):
            if shown is not None:
                yield "\n"
            yield from (self._head(row.label, row.text) + "\n" for row in view.rows() if row.kind != "written")
            yield from self._written(view, view.total)
        else:
            yield from self._continued(view, shown)
        if view.ended:
            yield "" if view.text is None else "\n"
            yield self._head("reward", view.outcome) + "\n"

    def _continued(self, view: View, shown: View) -> Iterable[str]:
        before, now, gain = printable(shown.text or ""), printable(view.text or ""), view.total - shown.total
        turns = view.turns[len(shown.turns) :]
        if turns:
            own = turns[0][1].startswith(shown.text or "")  # the agent's own turn stands there, perhaps but for its end
            yield self._piece(printable(turns[0][1])[len(before) :], gain) + "\n" if own else "\n"
            yield from (self._head(printable(who), printable(text)) + "\n" for who, text in turns[own:])
            yield from self._written(view, gain)
        elif now.startswith(before):
            yield self._piece(now[len(before) :], gain)
        else:
            yield "\n"
            yield from self._written(view, gain)

    def _written(self, view: View, gain: float) -> Iterable[str]:
        if view.text is not None:
            yield self._head(printable(view.label), "")
            yield self._piece(printable(view.text), gain)

    def _is_another(self, view: View, shown: View) -> bool:
        """Whether this is another episode: its head differs, or it begins again."""
        begins = bool(shown.text) and not view.text and len(view.turns) <= len(shown.turns)
        return (view.prompt, *view.references) != (shown.prompt, *shown.references) or begins

    def _piece(self, text: str, reward: float) -> str:
        colour: Colour = "gained" if reward > 0 else "lost" if reward < 0 else "written"
        return self.terminal.coloured(text, colour)

    def _head(self, label: str, text: str) -> str:
        return self.terminal.coloured(labelled(label) + text, "dim")


class LiveLanes:
    """Many episodes: in a terminal a line each, always the same ones; elsewhere a line for each one that ended."""

    def __init__(self) -> None:
        self.terminal = Terminal()
        self._drawn = 0  # lines that stand there

    def show(self, views: Sequence[View], ended: IntArray | Sequence[int] = ()) -> None:
        """Show every lane as it is, or those that just ``ended``."""
        if self.terminal.is_live:
            self._draw(views)
        else:
            self.terminal.write("".join(f"{self._line(lane, views[lane])}\n" for lane in ended))

    def close(self) -> None:
        """Leave what stands there."""
        self._drawn = 0

    def _draw(self, views: Sequence[View]) -> None:
        width, height = self.terminal.size
        count = min(len(views), max(height - 2, 1))
        lines = [self._fitted(lane, views[lane], width) for lane in range(count)]
        if count < len(views):
            lines.append(self.terminal.coloured(clipped(f"and {len(views) - count} more", width), "dim"))
        back = UP.format(self._drawn) if self._drawn else ""
        self.terminal.write(back + "".join(f"{CLEAR}{line}\n" for line in lines))
        self._drawn = len(lines)

    def _fitted(self, lane: int, view: View, width: int) -> str:
        head = f"{lane:>3} {view.total:8.4f} "[: max(width - 1, 0)]
        text = clipped(printable(_last(view)), width - 1 - len(head))  # the last column would begin a new line
        colour: Colour = "written" if not view.ended else "gained" if view.total > 0 else "lost"
        return self.terminal.coloured(head, "dim") + self.terminal.coloured(text, colour)

    def _line(self, lane: int, view: View) -> str:
        return f"{lane:>3} {view.total:8.4f} {printable(_last(view))}"


def _last(view: View) -> str:
    """Return what was written last."""
    if view.text is not None:
        return view.text
    return view.turns[-1][1] if view.turns else ""
