"""How an environment is shown and closed."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.trace import Trace

HOSTILE = "a\x1b[2J\x9b31m\u202eb\x07\r\u2066c\x00"  # what a terminal or a page must not get as it is
KINDS: dict[str, type] = {"ansi": str, "html": str, "rgb_array": np.ndarray, "human": type(None)}


def check_rendering(subject: Subject) -> None:
    """Every declared mode shows an episode, and no control character of a text gets through."""
    modes = [mode for mode in subject.env.metadata.get("render_modes", ()) if mode in KINDS]
    if subject.env.spec is None:
        modes = [mode for mode in modes if mode == subject.env.render_mode]
    if not modes:
        raise DoesNotApply("it has no render mode that can be tried (without a spec only its own)")
    for mode in modes:
        same = mode == subject.env.render_mode
        trace, screen = subject.trace(subject.env if same else subject.another(render_mode=mode)), io.StringIO()
        with redirect_stdout(screen):
            trace.reset(subject.seed)
            _write(subject, trace)
            shown = trace.env.render()
            trace.env.close()
        if not isinstance(shown, KINDS[mode]):
            trace.fail(f"render() in the mode {mode!r} must return {KINDS[mode].__name__}", type(shown).__name__)
        _check_safe(trace, mode, shown if isinstance(shown, str) else screen.getvalue())
        if isinstance(shown, np.ndarray) and (shown.dtype != np.uint8 or shown.ndim != 3 or shown.shape[2] != 3):
            trace.fail("a picture must be uint8 [H, W, 3]", f"{shown.dtype} {shown.shape}")


def _write(subject: Subject, trace: Trace) -> None:
    """Write what nobody should see, where the actions are tokens that can spell it; else anything."""
    rng = np.random.default_rng(subject.seed)
    try:
        subject.writing_space()
        ids = subject.tokenizer.encode(HOSTILE)
    except DoesNotApply:
        ids = []
    for token in ids:
        if not trace.ended:
            trace.step(token)
    subject.play(trace, rng, steps=5)


def _check_safe(trace: Trace, mode: str, shown: str) -> None:
    harmful = sorted({character for character in shown if not character.isprintable()} - {"\n"})
    if harmful:
        trace.fail(
            f"the mode {mode!r} must show control characters of texts as escapes (textgym.rendering.printable)",
            f"{harmful} as they are",
        )


def check_closing(subject: Subject) -> None:
    """Closing is silent, also the second time."""
    trace = subject.trace(subject.another())
    trace.reset(subject.seed)
    for call in ("the first", "the second"):
        try:
            result: Any = trace.env.close()  # type: ignore[func-returns-value]
        except Exception as error:
            trace.fail(f"{call} close() must not raise", f"{type(error).__name__}: {error}", error)
        del result
