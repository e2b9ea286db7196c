"""What environments do to show their episodes."""

from __future__ import annotations

from collections.abc import Sequence

import gymnasium as gym
import numpy as np

from textgym.core import IntArray, Sample
from textgym.rendering.drawing import Frame, drawn, render_mode_of
from textgym.rendering.live import LiveEpisode, LiveLanes
from textgym.rendering.view import View
from textgym.tokenizers import settled

NO_MODE = 'render() shows nothing without a render mode: {}(..., render_mode="ansi").'


class ShowsEpisode:
    """A single environment that can be seen; :meth:`_view` tells what there is.

    The environment calls :meth:`_open_view` when it is made, and :meth:`_show` after every reset and step.
    """

    def _open_view(self, render_mode: str | None) -> None:
        self.render_mode = render_mode_of(render_mode)
        self._live = LiveEpisode() if render_mode == "human" else None

    def _view(self) -> View | None:
        """Return what one sees now; None before the first reset."""
        raise NotImplementedError

    def _show(self) -> None:
        view = self._view() if self._live is not None else None
        if self._live is not None and view is not None:
            self._live.show(view)

    def render(self) -> Frame | None:
        """Return the episode as ``render_mode`` shows it: lines of text, a web page, or uint8 [480, 720, 3].

        None in the mode "human", which shows episodes in the terminal while they are played.
        """
        if self.render_mode is None:
            gym.logger.warn(NO_MODE.format("gym.make"))
            return None
        return drawn(self.render_mode, self._view())

    def close(self) -> None:
        """Leave the terminal's line; nothing else is open, and closing again does nothing."""
        if self._live is not None:
            self._live.close()


class ShowsLanes:
    """The same for a vector environment, whose :meth:`_views` tells of every lane."""

    num_envs: int

    def _open_view(self, render_mode: str | None) -> None:
        self.render_mode = render_mode_of(render_mode)
        self._live = LiveLanes() if render_mode == "human" else None

    def _views(self) -> Sequence[View]:
        """Return what one sees of each lane; nothing before the first reset."""
        raise NotImplementedError

    def _show(self, ended: IntArray | Sequence[int] = ()) -> None:
        if self._live is not None:
            self._live.show(self._views(), np.asarray(ended).tolist())

    def render(self) -> tuple[Frame, ...] | None:
        """Return the episode of each lane, as :meth:`ShowsEpisode.render` does."""
        if self.render_mode is None:
            gym.logger.warn(NO_MODE.format("gym.make_vec"))
            return None
        views: Sequence[View | None] = self._views() or [None] * self.num_envs
        frames = [drawn(self.render_mode, view) for view in views]
        return None if self.render_mode == "human" else tuple(frame for frame in frames if frame is not None)

    def close_extras(self, **kwargs: object) -> None:
        """Leave the terminal's lines; nothing else is open."""
        if self._live is not None:
            self._live.close()


def view_of(sample: Sample, response: str, total: float, ended: bool, label: str = "response") -> View:
    """Return the view of one response to one prompt.

    While the episode goes on, a character of which only the first bytes are written is not shown.
    """
    return View(sample.prompt, response if ended else settled(response), sample.references, total, ended, label=label)
