"""Long texts of which the first words are shown."""

from __future__ import annotations

from typing import Any, ClassVar

from textgym.tasks.published.task import PublishedTask
from textgym.tasks.published.words import at_least, first_words


class ArticleTask(PublishedTask):
    """A task whose prompts are the beginnings of long texts.

    Published systems cut an article's end, environments the beginning of an overlong prompt: so the end is cut here.

    Args:
        words: How many words of a text are shown; None is the task's own number.
        reading: As :class:`~textgym.tasks.published.task.PublishedTask` takes it.
    """

    shown: ClassVar[int] = 400
    reward = "rougeL"
    max_prompt_tokens = 1024

    def __init__(self, words: int | None = None, **reading: Any) -> None:
        super().__init__(**reading)
        self.words = self.shown if words is None else at_least("words", words, 1)

    def beginning(self, text: str) -> str:
        """Return the words that are shown."""
        return first_words(text, self.words)
