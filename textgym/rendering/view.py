"""What one sees of an episode, in plain values, and its text made safe to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["given", "wanted", "said", "written"]


class Row(NamedTuple):
    """A line to show: what it is called, its text without a character that is not printable, and its part."""

    label: str
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class View:
    """An episode as people see it; every way of showing takes one, whichever environment made it.

    Attributes:
        prompt: What was asked, or said first.
        text: What was written so far; of an editor, the present draft; None when nobody writes any more.
        references: What a good response may equal.
        total: The sum of the rewards so far.
        ended: Whether the episode is over.
        turns: What was said after the prompt and before ``text``, a speaker and a text each.
        label: What ``text`` is called.
        prompt_label: What ``prompt`` is called.
    """

    prompt: str
    text: str | None
    references: Sequence[str] = ()
    total: float = 0.0
    ended: bool = False
    turns: Sequence[tuple[str, str]] = ()
    label: str = "response"
    prompt_label: str = "prompt"

    def rows(self) -> list[Row]:
        """Return what there is to show, from top to bottom."""
        written = [] if self.text is None else [Row(printable(self.label), printable(self.text), "written")]
        return [
            Row(printable(self.prompt_label), printable(self.prompt), "given"),
            *(Row("reference", printable(reference), "wanted") for reference in self.references),
            *(Row(printable(speaker), printable(text), "said") for speaker, text in self.turns),
            *written,
        ]

    @property
    def outcome(self) -> str:
        """The rewards so far, and whether there may be more."""
        return f"{self.total:.4f} ({'ended' if self.ended else 'goes on'})"


def printable(text: str) -> str:
    """Return ``text`` with line ends, terminal codes and other invisible characters written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
