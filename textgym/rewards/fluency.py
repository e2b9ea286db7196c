"""How likely a response is under a small language model of one's own texts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from textgym.arguments import real_number, whole_number
from textgym.core import Sample
from textgym.errors import ConfigError, DataError
from textgym.registration import make_task, register_reward
from textgym.rewards.composite import label
from textgym.rewards.ngram_model import NgramModel
from textgym.rewards.pointwise import PointwiseReward
from textgym.rewards.signature import signature


@register_reward("fluency")
@dataclass(frozen=True)
class Fluency(PointwiseReward):
    """The geometric mean of the words' probabilities under an n-gram model with add-k smoothing, on [0, 1].

    So it is one over the perplexity. Words are separated by white space; the end of the text counts as one.

    What is frequent wins it, whatever was asked: the commonest n-grams strung together, a short common sentence, any
    reference of another prompt. Use it beside a metric of content.

    Args:
        text: A UTF-8 file to learn from, one text a line.
        task: Or a registered task, whose references are learned.
        split: Of that task.
        most: Of that many samples at most, from the first on.
        order: n, at least 1.
        k: What is added to every count, above 0.
        min_count: Rarer words are one unknown word.
        lowercase: Whether case is ignored.
    """

    text: str | None = None
    task: str | None = None
    split: str = "train"
    most: int = 20_000
    order: int = 2
    k: float = 0.01
    min_count: int = 2
    lowercase: bool = False
    won_by = ("common n-grams", "another answer")
    _model: Any = field(init=False, repr=False, compare=False, default=None)
    _digest: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        for name in ("most", "order", "min_count"):
            if whole_number(name, getattr(self, name)) < 1:
                raise ConfigError(f"The {name} of fluency must be at least 1, got {getattr(self, name)}.")
        if not 0 < real_number("k", self.k) < math.inf:
            raise ConfigError(f"The k of fluency must be finite and above 0, got {self.k}.")
        if (self.text is None) == (self.task is None):
            raise ConfigError(
                "The reward 'fluency' learns from a file or from a task: fluency(text='lines.txt') or "
                f"fluency(task='translation'), got text={self.text!r} and task={self.task!r}."
            )
        lines = _lines(self.text) if self.text is not None else _references(str(self.task), self.split, self.most)
        texts = [words for line in lines if (words := self._words(line))]
        if not texts:
            raise DataError(f"There is nothing for the reward {label(self)!r} to learn from: every text is empty.")
        digest = sha256("\n".join(map(" ".join, texts)).encode("utf-8", "surrogatepass")).hexdigest()
        object.__setattr__(self, "_digest", digest[:12])
        object.__setattr__(self, "_model", NgramModel(texts, self.order, self.k, self.min_count))

    def value(self, response: str, sample: Sample) -> float:
        """Return the geometric mean."""
        return math.exp(self._model.mean_log_probability(self._words(response)))

    @property
    def signature(self) -> str:
        """The name with its options, and a digest of what was learned."""
        return signature(label(self), "sentence", data=self._digest)

    def __deepcopy__(self, memo: dict[int, Any]) -> Fluency:
        return self  # it never changes

    def _words(self, text: str) -> list[str]:
        return (text.lower() if self.lowercase else text).split()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, TypeError, UnicodeDecodeError) as error:
        raise DataError(f"The reward 'fluency' cannot read {path!r} as UTF-8 text: {error}.") from error


def _references(task: str, split: str, most: int) -> Iterator[str]:
    samples = make_task(task).samples(split)
    for index in range(min(most, len(samples))):
        yield from samples[index].references
