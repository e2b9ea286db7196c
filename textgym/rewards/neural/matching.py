"""How well the words of a response and a reference match in context: BERTScore (Zhang et al., ICLR 2020)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError
from textgym.registration import make_task, register_reward
from textgym.rewards.neural.encoder import Encoder, TokenStates
from textgym.rewards.neural.references import filled_references
from textgym.rewards.neural.reward import NeuralReward, flat

VALUES = ("f1", "precision", "recall")
MOST = 20_000  # samples of a task that tell how rare a token is


class Matched(NamedTuple):
    """A text's states at length 1 and the weight of each token; marks weigh nothing."""

    directions: npt.NDArray[np.float32]
    weights: FloatArray


@register_reward("token_matching")
@dataclass(frozen=True)
class TokenMatching(NeuralReward):
    """Greedy matching of contextual token states, on [0, 1], by the best reference.

    Recall is the mean over the reference's tokens of the greatest cosine with a token of the response, precision the
    same the other way round, F1 their harmonic mean (equations 1 to 3 of the paper). As in the authors' program the
    marks at both ends may be matched and do not count. Unscaled scores crowd near the top: give ``baseline`` to rewards
    that are to be added to others.

    Args:
        model: An encoder: a folder, a hub name, or "minilm", which knows English.
        value: "f1", "precision" or "recall".
        layer: Whose states are compared, from 0, the embeddings; None is the last one.
        idf: A registered task, whose training references tell how rare a token is (equation 4); None weighs all alike.
        baseline: What two texts that have nothing to do with each other get; scores are (score - baseline) / (1 -
            baseline), and what is below the baseline scores 0.
    """

    value: str = "f1"
    layer: int | None = None
    idf: str | None = None
    baseline: float = 0.0
    needs_references = True
    kind = Encoder

    def __post_init__(self) -> None:
        if self.value not in VALUES:
            raise ConfigError(f"The value of {self.name} is one of {', '.join(VALUES)}, got {self.value!r}.")
        if not 0 <= self.baseline < 1:
            raise ConfigError(f"The baseline of {self.name} is at least 0 and below 1, got {self.baseline}.")
        super().__post_init__()
        self.network.states(["a"], self.layer)
        _ = self._rarity

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the score of each response with its best reference."""
        others, starts = flat(filled_references(self.name, samples))
        written = list(dict.fromkeys(responses))
        texts = [*written, *dict.fromkeys(others)]
        states = self.network.states(written, self.layer) + self.network.states_kept(texts[len(written) :], self.layer)
        known = dict(zip(texts, map(self._matched, states), strict=True))
        scores = np.zeros(len(responses), np.float64)
        for row, response in enumerate(responses):
            references = others[starts[row] : starts[row + 1]]
            scores[row] = max(self._score(known[response], known[reference]) for reference in references)
        return (scores - self.baseline) / (1 - self.baseline)

    def _matched(self, text: TokenStates) -> Matched:
        norms = np.linalg.norm(text.states, axis=1, keepdims=True)
        rarity = self._rarity
        weights = [
            0.0 if mark else 1.0 if rarity is None else rarity[i] for i, mark in zip(text.ids, text.marks, strict=True)
        ]
        return Matched(text.states / np.maximum(norms, 1e-12), np.array(weights, np.float64))

    def _score(self, response: Matched, reference: Matched) -> float:
        cosines = response.directions @ reference.directions.T
        precision, recall = _mean(cosines.max(1), response.weights), _mean(cosines.max(0), reference.weights)
        if self.value != "f1":
            return precision if self.value == "precision" else recall
        return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0

    @cached_property
    def _rarity(self) -> _Rarity | None:
        """The inverse document frequency of each token among the references of a task, log((N + 1) / (n + 1))."""
        if self.idf is None:
            return None
        samples = make_task(self.idf).samples("train")
        texts = [text for i in range(min(MOST, len(samples))) for text in samples[i].references]
        found = Counter(i for row in self.network.tokens(texts) for i in set(row["input_ids"]))
        return _Rarity(len(texts), found)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_rarity"}


class _Rarity(dict[int, float]):
    """Inverse document frequencies; a token that no text has gets the greatest."""

    def __init__(self, size: int, found: Counter[int]) -> None:
        super().__init__({i: math.log((size + 1) / (count + 1)) for i, count in found.items()})
        self.greatest = math.log(size + 1)

    def __missing__(self, key: int) -> float:
        return self.greatest


def _mean(values: npt.NDArray[np.float32], weights: FloatArray) -> float:
    total = weights.sum()
    return float(values.astype(np.float64) @ weights / total) if total > 0 else 0.0
