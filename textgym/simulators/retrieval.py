"""A user who says what a person said in the most similar place of a corpus of conversations."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from textgym.arguments import whole_number
from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError, DataError
from textgym.simulators.base import Simulator, State, Turn, fresh_seed
from textgym.simulators.corpora import read_corpus
from textgym.simulators.factory import register_simulator

WORD = re.compile(r"\w+")
LONGEST = 300  # characters of an answer
MOST_SCORES = 2**21  # held at a time


class Places:
    """Places of conversations, found by the words that were said there: cosine of tf-idf weights.

    Args:
        corpus: As :func:`textgym.simulators.corpora.read_corpus` takes it.
        size: At most so many, the first of the corpus.

    Attributes:
        answers: What was said next, after each place.
        following: What was said after that, None at the end of a conversation.
    """

    def __init__(self, corpus: str, size: int) -> None:
        texts: list[str] = []
        self.answers: list[str] = []
        self.following: list[str | None] = []
        for conversation in read_corpus(corpus):
            for said, answer, after in zip(conversation, conversation[1:], (*conversation[2:], None), strict=False):
                if len(answer) <= LONGEST:
                    texts.append(said)
                    self.answers.append(answer)
                    self.following.append(after)
            if len(texts) >= size:
                break
        if not texts:
            raise DataError(f"The corpus {corpus!r} has no conversation of two turns: there is nothing to answer with.")
        del texts[size:], self.answers[size:], self.following[size:]
        self._index(texts)

    def _index(self, texts: Sequence[str]) -> None:
        """Make the list of places of each word, and the weight of the word there."""
        counts = [Counter(WORD.findall(text.lower())) for text in texts]
        self._word: dict[str, int] = {}
        words = [self._word.setdefault(word, len(self._word)) for count in counts for word in count]
        places = np.repeat(np.arange(len(counts)), [len(count) for count in counts])
        often = np.array([n for count in counts for n in count.values()], dtype=np.float64)
        number = np.array(words, dtype=np.int64)
        in_places = np.bincount(number, minlength=len(self._word))
        self._rarity = np.log1p(len(counts) / np.maximum(in_places, 1))
        weights = often * self._rarity[number]
        norms = np.sqrt(np.bincount(places, weights**2, minlength=len(counts)))
        order = np.argsort(number, kind="stable")
        self._places = places[order]
        self._weights = (weights / norms[places])[order]
        self._starts = np.concatenate([[0], np.cumsum(in_places)])

    def __len__(self) -> int:
        return len(self.answers)

    def similarities(self, texts: Sequence[str]) -> FloatArray:
        """Return how similar each text is to what was said in each place, float64 [N, len(self)], at least 0.

        A row is proportional to the cosines of its text.
        """
        counts = [Counter(WORD.findall(text.lower())) for text in texts]
        known = [
            (row, self._word[word], n)
            for row, count in enumerate(counts)
            for word, n in count.items()
            if word in self._word
        ]
        if not known:
            return np.zeros((len(texts), len(self)))
        rows, words, often = np.array(known).T
        first, many = self._starts[words], np.diff(self._starts)[words]
        entries = np.repeat(first - np.cumsum(many) + many, many) + np.arange(many.sum())  # of all lists in a row
        values = self._weights[entries] * np.repeat(often * self._rarity[words], many)
        cells = self._places[entries] + np.repeat(rows * len(self), many)
        sums = np.bincount(cells, values, minlength=len(texts) * len(self)).astype(np.float64, copy=False)
        return sums.reshape(len(texts), len(self))


places_of = lru_cache(maxsize=4)(Places)


@register_simulator("retrieval")
@dataclass(frozen=True)
class RetrievalSimulator(Simulator):
    """A user who answers with what followed the most similar turn of a corpus, never twice from the same place.

    Of equally similar places the first is taken; where no word is known, one that depends on the conversation. What
    a person said after the answer is told as the reference for the agent's next turn.

    Args:
        corpus: "chitchat" (its training split), or the path of a file of Topical-Chat.
        size: How many places of the corpus are used.
    """

    corpus: str = "chitchat"
    size: int = 2_000

    def __post_init__(self) -> None:
        if not isinstance(self.corpus, (str, os.PathLike)):
            raise ConfigError(f"corpus must be 'chitchat' or the path of a file, got {self.corpus!r:.80}.")
        object.__setattr__(self, "corpus", os.fspath(self.corpus))
        if whole_number("size", self.size) < 1:
            raise ConfigError(f"size must be at least 1, got {self.size}.")

    @property
    def places(self) -> Places:
        """The corpus, read once in a process."""
        return places_of(self.corpus, self.size)

    def start(self, samples: Sequence[Sample], generators: Sequence[np.random.Generator]) -> list[Turn]:
        """Return the task's own openings."""
        self.places  # noqa: B018  (tells at once what cannot be read)
        return [
            Turn(sample.prompt, {"used": [], "seed": fresh_seed(rng)}, sample.references)
            for sample, rng in zip(samples, generators, strict=True)
        ]

    def answer(self, texts: Sequence[str], states: Sequence[State]) -> list[Turn]:
        """Return the answers of the most similar places."""
        rows = max(1, MOST_SCORES // len(self.places))
        turns: list[Turn] = []
        for i in range(0, len(texts), rows):
            scores = self.places.similarities(texts[i : i + rows])
            turns += [self._turn(row, state) for row, state in zip(scores, states[i : i + rows], strict=True)]
        return turns

    def _turn(self, scores: FloatArray, state: State) -> Turn:
        places, used = self.places, state["used"]
        if len(used) >= len(places):
            return Turn("", state, (), over=True)  # all is said
        scores[used] = -1.0
        place = int(scores.argmax())
        if scores[place] <= 0.0:
            free = np.flatnonzero(scores == 0.0)
            place = int(free[state["seed"] % len(free)])
        after = places.following[place]
        state = {**state, "used": [*used, place]}
        return Turn(places.answers[place], state, () if after is None else (after,))
