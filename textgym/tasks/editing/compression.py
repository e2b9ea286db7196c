"""Sentence compression: leave out what the sentence can do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Literal, TypeVar
from zlib import crc32

import numpy as np

from textgym.arguments import split_sizes
from textgym.cards import Card
from textgym.core import Sample, Task
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_edit_env, register_task
from textgym.tasks.editing.drawn import DrawnSamples
from textgym.tasks.translation import Translation
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.english import english
from textgym.tasks.translation.generated import BUCKETS, bucket
from textgym.tasks.translation.grammar import draw_sentence
from textgym.tasks.translation.syntax import Clause, NounPhrase, Prepositional, Sentence
from textgym.tokenizers import Tokenizer

WORDS = range(8, 19)  # of a prompt
MOST_KEPT = 0.75  # of its words
VOWELS = tuple("aeiou")
Part = TypeVar("Part")


@register_task("compression")
class Compression(Task):
    """Shorten an English sentence by deleting words.

    The prompt is a sentence of the grammar of the task "translation", 8 to 18 words. The reference is its main clause
    (with a clause that says what is said or known), without adverbials, relative clauses and adjectives: at most three
    quarters of the words, in the same order. So the best that deletions can reach is the reference itself, but for a
    capital letter, which ROUGE does not see. The draft
    begins as the prompt, and only deletions are legal.

        prompt      On Monday she picked up her tired brother at the station.
        reference   She picked up her brother.

    No prompt is in two splits: ``crc32`` says which it belongs to. Own data (an article's first sentence and its
    headline, say) has the reward ROUGE-L, and the best extract is found by the longest common subsequence
    (:func:`textgym.editing.shortest_edits`).

    Args:
        train_size: The number of training samples.
        validation_size: The number of validation samples.
        test_size: The number of test samples.

    Raises:
        ConfigError: A size is below 1, or :meth:`samples` is asked for a split that does not exist.
    """

    reward = "rougeL"
    max_prompt_tokens = 40
    max_new_tokens = 32
    max_draft_tokens = 40
    max_edits = 24
    draft: Literal["prompt"] = "prompt"
    kinds = ("delete",)
    card: ClassVar[Card | None] = Card(
        "The grammar of the task 'translation', written for this library", "Apache-2.0", ("rouge1", "rouge2", "chrf")
    )

    def __init__(self, train_size: int = 100_000, validation_size: int = 1_000, test_size: int = 1_000) -> None:
        self.sizes = split_sizes(train=train_size, validation=validation_size, test=test_size)

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of "train", "validation" or "test"."""
        if split not in self.sizes:
            raise ConfigError(f"The task 'compression' has no split {split!r}. {did_you_mean(split, self.sizes)}")
        return DrawnSamples(self.sizes[split], lambda index: next(_pairs(split, index)))

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the task "translation"."""
        return Translation().tokenizer()


def _pairs(split: str, index: int) -> Iterator[Sample]:
    """Yield samples of the split, without end, from the index's own generator."""
    dice = Dice(np.random.default_rng([index, crc32(f"compression {split}".encode())]))
    while True:
        sentence = draw_sentence(dice)
        long = english(sentence)
        words = long.count(" ") + 1
        if words not in WORDS or bucket(long) not in BUCKETS[split]:
            continue
        short = english(compressed(sentence))
        if short.count(" ") + 1 <= MOST_KEPT * words:
            yield Sample(long, (short,))


def compressed(sentence: Sentence) -> Sentence:
    """Return the main clause with its subject, verb and complements alone, a clause of what is said among them."""
    main = _bare_clause(sentence.main)
    if sentence.subordinate and sentence.conjunction and sentence.conjunction.en == "that":
        return Sentence(main, sentence.conjunction, _bare_clause(sentence.subordinate))
    return Sentence(main)


def _bare_clause(clause: Clause) -> Clause:
    complements = tuple(_bare(complement) for complement in clause.complements)
    bare = replace(clause, subject=_bare(clause.subject), complements=complements)
    return replace(bare, time=None, manner=None, place=None, front="subject")


def _bare(part: Part) -> Part:
    """Return a noun phrase, also after a preposition, without adjective and relative clause; others as they are."""
    if isinstance(part, Prepositional):
        return replace(part, argument=_bare(part.argument))
    if not isinstance(part, NounPhrase):
        return part
    bare = replace(part, adjective=None, very=False, relative=None)
    article = part.determiner is not None and part.determiner.en == "a" and not part.plural
    if article and part.adjective and _opens_with_vowel(part) != _opens_with_vowel(bare):
        bare = replace(bare, adjective=part.adjective, very=part.very)  # "an old house" has no "a" to keep
    return bare


def _opens_with_vowel(phrase: NounPhrase) -> bool:
    words = "very" if phrase.very else phrase.adjective.en if phrase.adjective else phrase.noun.en
    return words.startswith(VOWELS)


register_edit_env("textgym/Compression-v0", task="compression")
