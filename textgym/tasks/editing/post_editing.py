"""Post-editing: correct what a translation system wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal
from zlib import crc32

from textgym.arguments import split_sizes
from textgym.cards import Card
from textgym.core import Sample, Task
from textgym.corruption import Corruption
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_edit_env, register_task
from textgym.tasks.editing.drawn import DrawnSamples
from textgym.tasks.translation import Translation
from textgym.tokenizers import Tokenizer


@register_task("post_editing")
class PostEditing(Task):
    """Correct the German output of a translation system.

    The prompt is an English sentence of the task "translation", the references are its German renderings, and the draft
    is one of them with one to four errors, as systems make them: words dropped, repeated, exchanged or confused, and
    forms that do not agree (:class:`textgym.corruption.Corruption`). Which sentences are in which split is as there.

        prompt      On Monday she picked up her tired brother at the station.
        draft       Am Montag hat sie ihrem müden Bruder abgeholt am Bahnhof.
        references  Am Montag hat sie ihren müden Bruder am Bahnhof abgeholt.
                    ...

    Own data has a column ``draft`` with what a system wrote, beside source and references; where nobody has written
    references, a reward that needs none judges alone (``reward="language(...)"``, a learned one).

    Args:
        train_size: The number of training samples.
        validation_size: The number of validation samples.
        test_size: The number of test samples.

    Raises:
        ConfigError: A size is below 1, or :meth:`samples` is asked for a split that does not exist.
    """

    reward = "bleu"
    max_prompt_tokens = 32
    max_new_tokens = 32
    max_draft_tokens = 48
    max_edits = 24
    draft: Literal["given"] = "given"
    card: ClassVar[Card | None] = Card(
        "The grammar of the task 'translation' and errors by rule, both written for this library", "Apache-2.0",
        ("bleu", "chrf", "ter", "exact_match"),
    )  # fmt: skip

    def __init__(self, train_size: int = 100_000, validation_size: int = 1_000, test_size: int = 1_000) -> None:
        self.sizes = split_sizes(train=train_size, validation=validation_size, test=test_size)
        self._translation = Translation(train_size, validation_size, test_size)
        self._corruption = Corruption(least=1, most=4, language="de")

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of "train", "validation" or "test"."""
        if split not in self.sizes:
            raise ConfigError(f"The task 'post_editing' has no split {split!r}. {did_you_mean(split, self.sizes)}")
        translated, key = self._translation.samples(split), crc32(split.encode())

        def draw(index: int) -> Sample:
            sample = translated[index]
            right = sample.references[crc32(sample.prompt.encode()) % len(sample.references)]
            draft = self._corruption(right, index, key)
            return Sample(sample.prompt, sample.references, {**sample.metadata, "draft": draft})

        return DrawnSamples(self.sizes[split], draw)

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the task "translation"."""
        return self._translation.tokenizer()


register_edit_env("textgym/PostEdit-v0", task="post_editing")
