"""METEOR (Banerjee and Lavie, 2005; Lavie and Agarwal, 2007), equal to NLTK's on the same tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from textgym.errors import ConfigError
from textgym.memo import Memo
from textgym.registration import register_reward
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature
from textgym.rewards.stems import stems
from textgym.rewards.unicode_words import unicode_tokens
from textgym.rewards.wordnet import load_wordnet

WORD_CHARACTERS = 2**20  # of the words whose synonyms are remembered
Match = tuple[int, int]
Places = list[int]


@register_reward("meteor")
@dataclass(frozen=True)
class METEOR(ReferenceReward[list[list[str]]]):
    """METEOR on [0, 1]: words aligned by form, then by stem, then by synonym; the best reference counts.

    Tokens are words of any script and marks of punctuation, in lower case. The corpus score is the mean.

    Args:
        alpha: The weight of recall against that of precision, in (0, 1).
        beta: The exponent of the penalty for words that are not in sequence.
        gamma: The greatest penalty.
        synonyms: Whether words may be aligned by WordNet's English synonyms; None: where WordNet is installed. The
            signature says which.

    Raises:
        ConfigError: ``synonyms=True``, and WordNet is not installed.
    """

    alpha: float = 0.9
    beta: float = 3.0
    gamma: float = 0.5
    synonyms: bool | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or not self.beta >= 0 or not 0 <= self.gamma <= 1:
            got = f"alpha={self.alpha}, beta={self.beta}, gamma={self.gamma}"
            raise ConfigError(f"METEOR needs alpha in (0, 1), beta of at least 0 and gamma in [0, 1], got {got}.")
        _ = self._synonyms  # so that what is missing is told when the reward is made

    def prepare(self, references: tuple[str, ...]) -> list[list[str]]:
        """Return the tokens of each reference."""
        return list(map(unicode_tokens, references))

    def compare(self, response: str, prepared: list[list[str]]) -> float:
        """Return the best score."""
        tokens = unicode_tokens(response)
        return max(self._score(tokens, reference) for reference in prepared)

    def align(self, response: Sequence[str], reference: Sequence[str]) -> list[Match]:
        """Return which places match, in the order of the response.

        Each stage goes from the last word to the first and takes the last word of the reference that is still free.
        """
        mine, theirs = list(range(len(response))), list(range(len(reference)))
        matches: list[Match] = []
        stages: list[tuple[Callable[[str], Iterable[str]], Callable[[str], str]]] = [
            (lambda word: (word,), str),
            (lambda word: (stems()[word],), stems().__getitem__),
        ]
        if self._synonyms:  # of the stems: NLTK looks up what its stage of stems left over
            synonyms = self._synonyms[0]
            stages.append((lambda word: synonyms[stems()[word]], stems().__getitem__))
        for keys, key in stages:
            matches += _match([(i, keys(response[i])) for i in mine], [(j, key(reference[j])) for j in theirs])
            used_mine, used_theirs = {i for i, _ in matches}, {j for _, j in matches}
            mine = [i for i in mine if i not in used_mine]
            theirs = [j for j in theirs if j not in used_theirs]
        return sorted(matches)

    @property
    def signature(self) -> str:
        """The signature of the score, with the version of WordNet, or "no" where synonyms do not count."""
        return signature(
            "meteor",
            "sentence",
            "nltk",
            nrefs="var",
            case="lc",
            tok="unicode",
            alpha=f"{self.alpha:g}",
            beta=f"{self.beta:g}",
            gamma=f"{self.gamma:g}",
            stem=True,
            wordnet=self._synonyms[1] if self._synonyms else "no",
        )

    def _score(self, response: Sequence[str], reference: Sequence[str]) -> float:
        matches = self.align(response, reference)
        if not matches:
            return 0.0
        precision, recall = len(matches) / len(response), len(matches) / len(reference)
        mean = precision * recall / (self.alpha * precision + (1 - self.alpha) * recall)
        chunks = 1 + sum(b != (a[0] + 1, a[1] + 1) for a, b in pairwise(matches))
        return float((1 - self.gamma * (chunks / len(matches)) ** self.beta) * mean)

    @cached_property
    def _synonyms(self) -> tuple[Memo[str, frozenset[str]], str] | None:
        if self.synonyms is False:
            return None
        wordnet = load_wordnet(required=self.synonyms is True)
        return (Memo(wordnet.synonyms, WORD_CHARACTERS), wordnet.version) if wordnet else None


def _match(mine: Sequence[tuple[int, Iterable[str]]], theirs: Sequence[tuple[int, str]]) -> list[Match]:
    """Return pairs of places: each of ``mine``, from the last, takes the last free one of ``theirs`` of a same key."""
    free: dict[str, Places] = {}
    for j, key in theirs:
        free.setdefault(key, []).append(j)
    matches = []
    for i, keys in reversed(mine):
        places = max((free[key] for key in keys if free.get(key)), key=lambda places: places[-1], default=None)
        if places:
            matches.append((i, places.pop()))
    return matches
