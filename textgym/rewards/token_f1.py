"""Token F1 as the SQuAD evaluation script scores answers (Rajpurkar et al., 2016)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from textgym.registration import register_reward
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.rouge import f_measure
from textgym.rewards.signature import signature

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@register_reward("token_f1")
@dataclass(frozen=True)
class TokenF1(ReferenceReward[list[Counter[str]]]):
    """The F-measure of shared words on [0, 1]; case, ASCII punctuation and English articles do not count.

    The best reference counts. A response that holds nothing but articles and punctuation scores 0, as in version 1.1
    of the script. The corpus score is the mean.
    """

    def prepare(self, references: tuple[str, ...]) -> list[Counter[str]]:
        """Return the words of each reference with their counts."""
        return [Counter(answer_words(text)) for text in references]

    def compare(self, response: str, prepared: list[Counter[str]]) -> float:
        """Return the best F-measure."""
        words = Counter(answer_words(response))
        return max(f_measure((words & other).total(), words.total(), other.total()) for other in prepared)

    @property
    def signature(self) -> str:
        """The signature of the score."""
        return signature("token_f1", "sentence", nrefs="var", case="lc", tok="squad-1.1", value="f1")


def answer_words(text: str) -> list[str]:
    """Return the words of an answer, normalised as the script does."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()
