"""The translation task: English sentences of a grammar, with every German rendering that the grammar knows."""

from __future__ import annotations

from collections.abc import Sequence

from textgym.arguments import whole_number
from textgym.core import Sample, Task
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_env, register_task
from textgym.tasks.translation.generated import BUCKETS, GeneratedSamples, distinct_samples, grammar_id


@register_task("translation")
class Translation(Task):
    """Translate an English sentence into German.

    A synchronous grammar written for this library draws an abstract sentence and puts it into both languages.

        prompt      On Monday she picked up her tired brother at the station.
        references  Am Montag hat sie ihren müden Bruder am Bahnhof abgeholt.
                    Am Montag hat sie am Bahnhof ihren müden Bruder abgeholt.
                    Sie hat am Montag ihren müden Bruder am Bahnhof abgeholt.
                    Am Bahnhof hat sie am Montag ihren müden Bruder abgeholt.

    Covered are: four cases, three genders, number; strong, weak and mixed adjectives; weak nouns; possessors in the
    genitive; personal pronouns that agree with what they take up; prepositions with their cases and contractions;
    separable and stem-changing verbs; perfect, preterite of "sein" and "haben", future and modals; verb-second order,
    also after a fronted time, place or clause; verb-last order in relative clauses and after "weil", "obwohl", "wenn",
    "als", "dass"; numbers, ages, prices, dates and times in words and digits. "You" is always "du".

    Prompts have 5 to 15 words. References are all the orders that the grammar holds to be natural, the one nearest to
    the English first. ``metadata["constructions"]`` names what occurs, to break results down. A prompt belongs to the
    split that ``crc32(prompt) % 100`` says (0-1 validation, 2-3 test), so no prompt is in two. Sample i is a function
    of the split and i. Held-out prompts are distinct; of 100,000 training prompts fewer than 3% repeat.

    Args:
        train_size: The number of training samples.
        validation_size: The number of validation samples.
        test_size: The number of test samples.

    Raises:
        ConfigError: A size is below 1, or :meth:`samples` is asked for a split that does not exist.

    Licence: the grammar and its lexicon are ours, Apache-2.0.

    Version history: v0, initial version.
    """

    reward = "bleu"
    max_prompt_tokens = 32
    max_new_tokens = 32

    def __init__(self, train_size: int = 100_000, validation_size: int = 1_000, test_size: int = 1_000) -> None:
        self.sizes = {"train": train_size, "validation": validation_size, "test": test_size}
        for split, size in self.sizes.items():
            if whole_number(f"{split}_size", size) < 1:
                raise ConfigError(f"{split}_size must be at least 1, got {size}.")

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of "train", "validation" or "test"."""
        if split not in BUCKETS:
            raise ConfigError(f"The task 'translation' has no split {split!r}. {did_you_mean(split, BUCKETS)}")
        size = self.sizes[split]
        return GeneratedSamples(split, size) if split == "train" else distinct_samples(split, size)

    def training_text_id(self) -> str | None:
        """Return the hash of the grammar and the number of training samples; None for a subclass's own samples."""
        grammar = grammar_id() if type(self).samples is Translation.samples else None
        return None if grammar is None else f"translation|{grammar}|{self.sizes['train']}"


register_env("textgym/Translation-v0", task="translation")
