"""A weighted sum of rewards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards.judge import judge


class WeightedSum(Reward):
    """The sum of ``weight * reward`` over its components; its corpus score is the same sum of their corpus scores.

    Args:
        components: Pairs of a finite weight and a reward, at least one.
    """

    def __init__(self, components: Iterable[tuple[float, Reward]]) -> None:
        self.components = [(float(weight), reward) for weight, reward in components]
        if not self.components or not np.isfinite([weight for weight, _ in self.components]).all():
            raise ConfigError(f"A weighted sum needs at least one reward and finite weights, got {self.components}.")
        self.name = self._join([reward.name for _, reward in self.components])
        self.bounds = self._bounds()
        scales = {reward.scale for _, reward in self.components}
        self.scale = scales.pop() if len(scales) == 1 else 1.0
        self.needs_references = any(reward.needs_references for _, reward in self.components)

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the weighted sum of the components' scores, float64 [N]; each component is held to its contract."""
        scores = [weight * judge(reward, responses, samples) for weight, reward in self.components]
        return np.asarray(np.sum(scores, axis=0), np.float64)

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the components' statistics side by side, float64 [N, K]."""
        return np.hstack([reward.statistics(responses, samples) for _, reward in self.components])

    def aggregate(self, totals: FloatArray, count: int) -> FloatArray:
        """Return the weighted sum of the components' corpus scores, float64 [...], from totals [..., K]."""
        ends = np.cumsum([_width(reward) for _, reward in self.components])
        parts = np.split(np.asarray(totals, np.float64), ends[:-1], axis=-1)
        rows = zip(self.components, parts, strict=True)
        return np.asarray(sum(weight * reward.aggregate(part, count) for (weight, reward), part in rows), np.float64)

    @property
    def signature(self) -> str:
        """The weights and the signatures of the components."""
        return self._join([reward.signature for _, reward in self.components])

    @property
    def corpus_signature(self) -> str:
        """The same for the corpus score."""
        return self._join([reward.corpus_signature for _, reward in self.components])

    def __repr__(self) -> str:
        return f"WeightedSum({self.components!r})"

    def _join(self, names: Sequence[str]) -> str:
        terms = [f"{weight:.12g}*{name}" for (weight, _), name in zip(self.components, names, strict=True)]
        return " + ".join(terms).replace("+ -", "- ")

    def _bounds(self) -> tuple[float, float]:
        ends = [sorted(weight * bound for bound in reward.bounds) for weight, reward in self.components if weight]
        return sum(low for low, _ in ends), sum(high for _, high in ends)


def _width(reward: Reward) -> int:
    """Return K, the number of statistics of a reward, as it shows when there is nothing to judge."""
    shape = np.shape(reward.statistics((), ()))
    if len(shape) != 2:
        raise RewardError(
            f"The reward {reward.name!r} must give statistics of shape [N, K] for N = 0 too, got {list(shape)}: "
            "return np.zeros((0, K)) when there is no response."
        )
    return int(shape[1])
