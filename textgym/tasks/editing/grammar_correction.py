"""Grammar-error correction: put an English sentence right."""

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
from textgym.tasks.translation.generated import BUCKETS, bucket
from textgym.tokenizers import Tokenizer

ATTEMPTS = 5_000  # of putting errors into a sentence; two in a hundred texts belong to a held-out split


@register_task("grammar_correction")
class GrammarCorrection(Task):
    """Correct the errors in an English sentence.

    The prompt is a sentence of the task "translation" with one to three errors of learners: a word dropped, repeated,
    exchanged or confused, or a form that does not agree (:class:`textgym.corruption.Corruption`). The reference is the
    sentence. The draft begins as the prompt.

        prompt      On Monday she pick up her tired brother on station.
        reference   On Monday she picked up her tired brother at the station.

    Neither a prompt nor a reference is in two splits: the right sentences are those of "translation", and errors are
    drawn until ``crc32`` puts the prompt into the same split, too.

    Args:
        train_size: The number of training samples.
        validation_size: The number of validation samples.
        test_size: The number of test samples.

    Raises:
        ConfigError: A size is below 1, or :meth:`samples` is asked for a split that does not exist.
    """

    reward = "bleu"
    max_prompt_tokens = 40
    max_new_tokens = 32
    max_draft_tokens = 48
    max_edits = 16
    draft: Literal["prompt"] = "prompt"
    card: ClassVar[Card | None] = Card(
        "The English side of the task 'translation' and errors by rule, both written for this library", "Apache-2.0",
        ("exact_match", "edit_similarity", "chrf"),
    )  # fmt: skip

    def __init__(self, train_size: int = 100_000, validation_size: int = 1_000, test_size: int = 1_000) -> None:
        self.sizes = split_sizes(train=train_size, validation=validation_size, test=test_size)
        self._translation = Translation(train_size, validation_size, test_size)
        self._corruption = Corruption(least=1, most=3, language="en")

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of "train", "validation" or "test"."""
        if split not in self.sizes:
            known = did_you_mean(split, self.sizes)
            raise ConfigError(f"The task 'grammar_correction' has no split {split!r}. {known}")
        translated, key = self._translation.samples(split), crc32(split.encode())

        def draw(index: int) -> Sample:
            sentence = translated[index]
            right = sentence.prompt
            wrong = (self._corruption(right, index, key, attempt) for attempt in range(ATTEMPTS))
            prompt = next(text for text in wrong if bucket(text) in BUCKETS[split])
            return Sample(prompt, (right,), {"constructions": sentence.metadata["constructions"]})

        return DrawnSamples(self.sizes[split], draw)

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the task "translation"."""
        return self._translation.tokenizer()


register_edit_env("textgym/GrammarCorrection-v0", task="grammar_correction")
