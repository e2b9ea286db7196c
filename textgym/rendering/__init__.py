"""Episodes for people: lines, a live terminal, pictures and pages, all made of plain values and all safe to show."""

from textgym.rendering.drawing import MODES, NO_EPISODE, drawn, render_mode_of
from textgym.rendering.lines import as_lines
from textgym.rendering.live import LiveEpisode, LiveLanes
from textgym.rendering.page import as_page
from textgym.rendering.picture import as_picture
from textgym.rendering.shows import ShowsEpisode, ShowsLanes, view_of
from textgym.rendering.view import View, printable

__all__ = [
    "MODES",
    "NO_EPISODE",
    "LiveEpisode",
    "LiveLanes",
    "ShowsEpisode",
    "ShowsLanes",
    "View",
    "as_lines",
    "as_page",
    "as_picture",
    "drawn",
    "printable",
    "render_mode_of",
    "view_of",
]
