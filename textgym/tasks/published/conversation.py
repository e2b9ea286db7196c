"""Conversations: the turns before a reply as prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textgym.tasks.published.task import PublishedTask
from textgym.tasks.published.words import at_least


class ConversationTask(PublishedTask):
    """A task whose samples are turns of conversations, each with those before it.

    Args:
        turns: How many turns are shown at most; None is the task's own number.
        reading: As :class:`~textgym.tasks.published.task.PublishedTask` takes it.
    """

    shown: ClassVar[int] = 3
    varies = True
    reward = "chrf"
    max_prompt_tokens = 192
    max_new_tokens = 64

    def __init__(self, turns: int | None = None, **reading: Any) -> None:
        super().__init__(**reading)
        self.turns = self.shown if turns is None else at_least("turns", turns, 1)

    def replies(self, turns: Sequence[str]) -> Iterator[tuple[int, Sequence[str], str]]:
        """Yield the number of each turn but the first, the turns that are shown before it, and the turn.

        Where one of these is blank, the turn is left out.
        """
        for i in range(1, len(turns)):
            window = turns[max(0, i - self.turns) : i]
            if all(text and not text.isspace() for text in (*window, turns[i])):
                yield i, window, turns[i]


def transcript(window: Sequence[str], other: str, agent: str) -> str:
    """Return turns as lines, the last one being the other's, and the mark of the agent, who speaks next."""
    speakers = [other if (len(window) - k) % 2 else agent for k in range(len(window))]
    return "\n".join([*(f"{who}: {text}" for who, text in zip(speakers, window, strict=True)), f"{agent}:"])
