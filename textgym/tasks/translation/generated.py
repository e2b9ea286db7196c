"""Samples drawn from the grammar, each a function of its split and index alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from zlib import crc32

import numpy as np

from textgym.core import Sample
from textgym.derived import DerivedSamples
from textgym.tasks.translation.constructions import constructions
from textgym.tasks.translation.dice import Dice
from textgym.tasks.translation.english import english
from textgym.tasks.translation.german import german
from textgym.tasks.translation.grammar import draw_sentence
from textgym.tasks.translation.syntax import Sentence

WORDS = range(5, 16)  # of a prompt
BUCKETS = {"validation": range(0, 2), "test": range(2, 4), "train": range(4, 100)}


@cache
def grammar_id() -> str | None:
    """Return a hash of this package's files and of numpy's version, which together say what every sample is.

    None where the source cannot be read, as in an installation of compiled files alone.
    """
    content = hashlib.sha256(np.__version__.encode())  # the same seed may draw differently with another numpy
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith((".py", ".json"))]
    if not any(file.name == "grammar.py" for file in files):
        return None
    for file in sorted(files, key=lambda file: file.name):
        data = file.read_bytes()
        content.update(f"{file.name}:{len(data)}:".encode())
        content.update(data)
    return content.hexdigest()


def bucket(prompt: str) -> int:
    """Return the hash, 0 to 99, that says which split a prompt belongs to."""
    return crc32(prompt.encode()) % 100


class GeneratedSamples(DerivedSamples):
    """Samples of a split, drawn anew each time: nothing is stored, and few prompts repeat."""

    def __init__(self, split: str, size: int) -> None:
        self.split = split
        self._size = size

    def __len__(self) -> int:
        return self._size

    def _counted(self) -> str:
        return f"The split {self.split!r} has {self._size} samples"

    def _sample(self, i: int) -> Sample:
        return _sample(*next(_pairs(self.split, i)))


@lru_cache(maxsize=8)
def distinct_samples(split: str, size: int) -> tuple[Sample, ...]:
    """Return samples of a split in which no prompt comes twice; a held-out thousand takes about two seconds, once."""
    chosen: dict[str, Sentence] = {}
    for i in range(size):
        prompt, sentence = next(pair for pair in _pairs(split, i) if pair[0] not in chosen)
        chosen[prompt] = sentence
    return tuple(_sample(prompt, sentence) for prompt, sentence in chosen.items())


def _pairs(split: str, index: int) -> Iterator[tuple[str, Sentence]]:
    """Yield prompts of the split with their abstract sentences, without end, from the index's own generator."""
    dice = Dice(np.random.default_rng([index, crc32(split.encode())]))
    buckets = BUCKETS[split]
    while True:
        sentence = draw_sentence(dice)
        prompt = english(sentence)
        if bucket(prompt) in buckets and prompt.count(" ") + 1 in WORDS:
            yield prompt, sentence


def _sample(prompt: str, sentence: Sentence) -> Sample:
    return Sample(prompt, german(sentence), {"constructions": constructions(sentence)})
