"""The render modes, and what each makes of a view."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from textgym.arguments import choice
from textgym.rendering.lines import as_lines
from textgym.rendering.page import as_page, note_page
from textgym.rendering.picture import as_picture, note_picture, require_pillow
from textgym.rendering.view import View

Frame = str | npt.NDArray[np.uint8]

MODES = ("ansi", "human", "rgb_array", "html")
NO_EPISODE = "no episode yet: call reset()"


def render_mode_of(value: str | None) -> str | None:
    """Return a render mode that works here.

    Raises:
        ConfigError: There is no such mode.
        MissingExtraError: It needs a package that is not installed.
    """
    if value is None:
        return None
    if choice("render_mode", value, MODES) == "rgb_array":
        require_pillow()
    return value


def drawn(mode: str, view: View | None) -> Frame | None:
    """Return a view as ``mode`` shows it, None being that there is no episode yet.

    Returns:
        Lines of text ("ansi"), a page ("html"), uint8 [H, W, 3] ("rgb_array"); None in the mode "human", which shows
        episodes while they are played.
    """
    if mode == "human":
        return None
    if mode == "rgb_array":
        return note_picture(NO_EPISODE) if view is None else as_picture(view)
    if mode == "html":
        return note_page(NO_EPISODE) if view is None else as_page(view)
    return NO_EPISODE if view is None else as_lines(view)
