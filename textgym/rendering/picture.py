"""An episode as a picture: the render mode "rgb_array"."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from textgym.errors import MissingExtraError
from textgym.rendering.view import Kind, Row, View

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 720, 480  # pixels; multiples of 16, as video codecs want them
MARGIN, INDENT, SIZE, LEADING = 20, 110, 16, 26
PAPER, LABEL, RULE = (255, 255, 255), (118, 118, 118), (221, 221, 221)
INK: dict[Kind, tuple[int, int, int]] = {
    "given": (34, 34, 34),
    "wanted": (102, 102, 102),
    "said": (34, 34, 34),
    "written": (11, 83, 148),
}
LINES = (HEIGHT - 2 * MARGIN) // LEADING - 1  # the last one tells the rewards
REFERENCES, TURNS = 3, 4  # how many of them are shown: the first, the last
READ = 4000  # characters of a text that are laid out: more than fit on a picture
CUT = "..."
FONT = "DejaVuSans.ttf"


def as_picture(view: View) -> Picture:
    """Return an episode as a picture, uint8 [480, 720, 3], whatever its texts are.

    What was written keeps its end when it is too long, the other texts keep their beginning. The font is DejaVu Sans
    where it is found, on the system or with matplotlib, else Pillow's own, which has little beyond ASCII; a character
    that the font lacks is a box.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    return _painted(_fitted(view.rows()), f"reward: {view.outcome}")


def note_picture(note: str) -> Picture:
    """Return a picture of the same size that says one thing."""
    return _painted([], note)


def require_pillow() -> None:
    """Raise MissingExtraError where Pillow is not installed."""
    try:
        import PIL.ImageDraw
        import PIL.ImageFont  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pillow", "render", "The render mode 'rgb_array'") from error


def _fitted(rows: list[Row]) -> list[tuple[Row, tuple[str, ...]]]:
    """Return the rows with their lines, at most LINES in all; short ones are whole, long ones share what is left."""
    given, wanted, said, written = ([row for row in rows if row.kind == kind] for kind in INK)
    rows = [*given, *wanted[:REFERENCES], *said[-TURNS:], *written]
    wrapped = [_wrapped(row.text, row.kind == "written") for row in rows]
    left = LINES
    for rank, i in enumerate(sorted(range(len(rows)), key=lambda i: len(wrapped[i]))):
        wrapped[i] = _cut(wrapped[i], left // (len(rows) - rank), rows[i].kind)
        left -= len(wrapped[i])
    return list(zip(rows, wrapped, strict=True))


def _cut(lines: tuple[str, ...], count: int, kind: Kind) -> tuple[str, ...]:
    if len(lines) <= count:
        return lines
    return (CUT, *lines[len(lines) - count + 1 :]) if kind == "written" else (*lines[: count - 1], CUT)


@lru_cache(256)
def _wrapped(text: str, keep_end: bool) -> tuple[str, ...]:
    """Return a text in lines that are no wider than the picture."""
    text = text[-READ:] if keep_end else text[:READ]
    width = WIDTH - 2 * MARGIN - INDENT
    lines, line = [], ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if _width(candidate) <= width:
            line = candidate
            continue
        *full, line = _pieces(word, width)
        lines += [candidate[: -len(word) - 1], *full] if candidate != word else full
    return (*lines, line)


def _pieces(word: str, width: int) -> list[str]:
    """Return a word in pieces that are no wider than ``width``."""
    pieces = [""]
    for character in word:
        if pieces[-1] and _width(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _width(text: str) -> float:
    return _font().getlength(text)


@lru_cache(1)
def _font() -> FreeTypeFont | ImageFont:
    """Return DejaVu Sans of the system or of matplotlib, else Pillow's own font, which has few letters beyond ASCII."""
    require_pillow()
    from PIL import ImageFont

    matplotlib = find_spec("matplotlib")  # found, not imported
    folders = list(matplotlib.submodule_search_locations or ()) if matplotlib else []
    for path in (FONT, *(os.path.join(folder, "mpl-data", "fonts", "ttf", FONT) for folder in folders)):
        try:
            return ImageFont.truetype(path, SIZE, layout_engine=ImageFont.Layout.BASIC)
        except OSError:
            continue
    return ImageFont.load_default(SIZE)


def _painted(rows: list[tuple[Row, tuple[str, ...]]], last: str) -> Picture:
    font = _font()
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    write: Callable[..., None] = ImageDraw.Draw(image).text
    line = 0
    for row, lines in rows:
        write((MARGIN, MARGIN + line * LEADING), row.label[:12], LABEL, font)
        for text in lines:
            write((MARGIN + INDENT, MARGIN + line * LEADING), text, INK[row.kind], font)
            line += 1
    bottom = HEIGHT - MARGIN - LEADING
    ImageDraw.Draw(image).line((MARGIN, bottom, WIDTH - MARGIN, bottom), RULE)
    write((MARGIN, bottom + 6), last, LABEL, font)
    return np.array(image)
