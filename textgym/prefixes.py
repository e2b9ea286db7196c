"""Prefixes of responses, merged where the same future lies before them: the states of exact dynamic programming.

Which prefixes may be merged depends on the reward. Exact match cares for one thing, whether the text can still become
a reference; edit similarity for a column of its table; a bag of words for how many are right. Any other reward has a
state for each text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.rewards.edit_similarity import Column, EditSimilarity, first_column, next_column
from textgym.rewards.exact_match import ExactMatch
from textgym.rewards.rouge import f_measure
from textgym.rewards.token_f1 import TokenF1, answer_words
from textgym.tokenizers import WordTokenizer
from textgym.tokenizers.pieces import pieces_of
from textgym.tokenizers.words import OPENS

State = TypeVar("State", bound=Hashable)
Bag = tuple[tuple[tuple[int, int], ...], int]
NEVER = "\n"  # a state of exact match that no text has
Columns = tuple[bool, bool, int, tuple[Column, ...]]


class Additions:
    """What the allowed tokens but the eos add to a text, and how many of them add the same.

    Args:
        episodes: The arguments of an environment.

    Raises:
        ConfigError: A token stands for less than a character, so that texts cannot be built token by token.
    """

    def __init__(self, episodes: Episodes) -> None:
        pieces, space = pieces_of(episodes.tokenizer), episodes.space
        ids = [i for i in np.flatnonzero(space.allowed(np.array([0]))[0]).tolist() if i != space.eos_id]
        self.count = len(ids)
        try:
            self.glued = Counter(pieces.glued[i].decode() for i in ids)
            self.spaced = Counter(pieces.spaced[i].decode() for i in ids)
        except UnicodeDecodeError:
            raise ConfigError(
                f"Exact values need tokens that are whole characters, and some of {episodes.tokenizer.signature} are "
                "not: use a character or word tokenizer."
            ) from None

    def to(self, text: str) -> Counter[str]:
        """Return what tokens add to ``text``: to the start, and after an opening mark, words come without a space."""
        return self.spaced if text and text[-1] not in OPENS else self.glued


class Prefixes(ABC, Generic[State]):
    """The states that the response to one sample can be in."""

    @abstractmethod
    def read(self, text: str) -> State:
        """Return the state of a text."""

    @abstractmethod
    def then(self, state: State) -> Counter[State]:
        """Return the states after one more token, each with the number of tokens that lead to it; the eos is none."""

    @abstractmethod
    def scores(self, states: Sequence[State]) -> FloatArray:
        """Return the score of a response that ends in each of these states, float64 [N]."""


class _TextPrefixes(Prefixes[str]):
    """No merging: a state is a text. Fits every reward, and the shortest responses only."""

    def __init__(self, additions: Additions, reward: Reward, sample: Sample) -> None:
        self.additions, self.reward, self.sample = additions, reward, sample

    def read(self, text: str) -> str:
        return text

    def then(self, state: str) -> Counter[str]:
        return _counted((state + piece, count) for piece, count in self.additions.to(state).items())

    def scores(self, states: Sequence[str]) -> FloatArray:
        return self.reward(states, [self.sample] * len(states))


class _ExactPrefixes(Prefixes[str]):
    """For exact match: the text with its white space made single, or NEVER once it can be no reference any more."""

    def __init__(self, additions: Additions, references: Iterable[str]) -> None:
        self.additions = additions
        self.references = {" ".join(text.split()) for text in references if text.strip()}

    def read(self, text: str) -> str:
        joined = " ".join(text.split())
        joined += " " if joined and text[-1:].isspace() else ""
        return joined if any(f"{reference} ".startswith(joined) for reference in self.references) else NEVER

    def then(self, state: str) -> Counter[str]:
        if state == NEVER:
            return Counter({state: self.additions.count})
        return _counted((self.read(state + piece), count) for piece, count in self.additions.to(state).items())

    def scores(self, states: Sequence[str]) -> FloatArray:
        return np.array([state.rstrip(" ") in self.references for state in states], dtype=np.float64)


class _EditPrefixes(Prefixes[Columns]):
    """For edit similarity: whether words come glued, whether all is blank, the length, and a column per reference."""

    def __init__(self, additions: Additions, reward: EditSimilarity, references: tuple[str, ...]) -> None:
        self.prepared = reward.prepare(tuple(text for text in references if text.strip()))
        self.known = frozenset(character for positions in self.prepared for character in positions.where)
        self.start: Columns = (True, True, 0, tuple(map(first_column, self.prepared)))
        self.glued, self.spaced = self._alike(additions.glued), self._alike(additions.spaced)

    def _alike(self, pieces: Counter[str]) -> Counter[str]:
        """Merge the pieces of the same length that share no character with a reference."""
        return _counted((self._representative(piece), count) for piece, count in pieces.items())

    def _representative(self, piece: str) -> str:
        foreign = self.known.isdisjoint(piece) and not OPENS.intersection(piece) and not piece.isspace()
        return "\0" * len(piece) if foreign else piece

    def read(self, text: str) -> Columns:
        return self._after(self.start, text)

    def _after(self, state: Columns, text: str) -> Columns:
        _, blank, length, columns = state
        if not text:
            return state
        pairs = zip(columns, self.prepared, strict=True)
        moved = tuple(next_column(column, text, positions) for column, positions in pairs)
        return text[-1] in OPENS, blank and text.isspace(), length + len(text), moved

    def then(self, state: Columns) -> Counter[Columns]:
        pieces = self.glued if state[0] else self.spaced
        return _counted((self._after(state, piece), count) for piece, count in pieces.items())

    def scores(self, states: Sequence[Columns]) -> FloatArray:
        return np.array([self._score(*state[1:]) for state in states])

    def _score(self, blank: bool, length: int, columns: tuple[Column, ...]) -> float:
        pairs = zip(columns, self.prepared, strict=True)
        return 0.0 if blank else max(1 - errors / max(length, other.length) for (*_, errors), other in pairs)


class _BagPrefixes(Prefixes[Bag]):
    """For token F1 against one reference, where tokens are words.

    A state is how often each word of the reference is still wanted, with the number of tokens that spell it, sorted,
    and the number of words so far. Words are alike where these two numbers are: which of them was written is forgotten.
    """

    def __init__(self, additions: Additions, reference: str) -> None:
        self.wanted = Counter(answer_words(reference))
        self.words = _counted((word, n) for piece, n in additions.spaced.items() for word in answer_words(piece))
        self.silent = additions.count - self.words.total()  # articles and marks

    def read(self, text: str) -> Bag:
        words = Counter(answer_words(text))
        left = ((count - words[word], self.words[word]) for word, count in self.wanted.items())
        return tuple(sorted(pair for pair in left if pair[0] > 0)), words.total()

    def then(self, state: Bag) -> Counter[Bag]:
        left, written = state
        options = [(state, self.silent)]
        for i, (wanted, spelled) in enumerate(left):
            others = (*left[:i], *left[i + 1 :])
            fewer = tuple(sorted((*others, (wanted - 1, spelled)))) if wanted > 1 else others
            options.append(((fewer, written + 1), spelled))
        options.append(((left, written + 1), self.words.total() - sum(spelled for _, spelled in left)))
        return _counted((reached, count) for reached, count in options if count)

    def scores(self, states: Sequence[Bag]) -> FloatArray:
        total = self.wanted.total()
        shared = (total - sum(count for count, _ in left) for left, _ in states)
        pairs = zip(shared, states, strict=True)
        return np.array([f_measure(common, written, total) for common, (_, written) in pairs])


def prefixes_of(episodes: Episodes, sample: Sample) -> Prefixes[Hashable]:
    """Return the states of the responses to a sample, as few as the reward allows."""
    additions, reward = Additions(episodes), episodes.reward
    filled = [text for text in sample.references if text.strip()]
    found: Prefixes[Hashable]
    if type(reward) is ExactMatch and not reward.lowercase:
        found = _ExactPrefixes(additions, sample.references)  # type: ignore[assignment]
    elif type(reward) is EditSimilarity and not reward.lowercase:
        found = _EditPrefixes(additions, reward, sample.references)  # type: ignore[assignment]
    elif type(reward) is TokenF1 and len(filled) == 1 and isinstance(episodes.tokenizer, WordTokenizer):
        found = _BagPrefixes(additions, filled[0])  # type: ignore[assignment]
    else:
        found = _TextPrefixes(additions, reward, sample)  # type: ignore[assignment]
    return found


def _counted(pairs: Iterable[tuple[State, int]]) -> Counter[State]:
    total: Counter[State] = Counter()
    for state, count in pairs:
        total[state] += count
    return total
