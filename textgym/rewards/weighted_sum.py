"""A weighted sum of rewards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards.composite import Composite, written
from textgym.rewards.interval import added, scaled
from textgym.rewards.progress import Progress, Summed


class WeightedSum(Composite):
    """The sum of ``weight * reward`` over its components; its corpus score is the same sum of their corpus scores.

    Args:
        components: Pairs of a finite weight and a reward, at least one.
        constant: A number that is added.
    """

    def __init__(self, components: Iterable[tuple[float, Reward]], constant: float = 0.0) -> None:
        self.components = [(float(weight), reward) for weight, reward in components]
        self.constant = float(constant)
        if not self.components or not np.isfinite([self.constant, *(weight for weight, _ in self.components)]).all():
            raise ConfigError(f"A weighted sum needs at least one reward and finite weights, got {self.components}.")
        self.name = self._join("name")
        self.bounds = added([(self.constant,) * 2, *(scaled(reward.bounds, w) for w, reward in self.components)])
        scales = {reward.scale for _, reward in self.components}
        self.scale = scales.pop() if len(scales) == 1 else 1.0
        self.needs_references = any(reward.needs_references for _, reward in self.components)

    @property
    def operands(self) -> Sequence[Reward]:
        """The rewards."""
        return [reward for _, reward in self.components]

    def combine(self, values: Sequence[FloatArray | float]) -> FloatArray:
        """Return the weighted sum, float64 [N]."""
        terms = [weight * np.asarray(value) for (weight, _), value in zip(self.components, values, strict=True)]
        return np.asarray(np.sum(terms, axis=0) + self.constant, np.float64)

    @property
    def incremental(self) -> bool:
        """Whether all components are."""
        return all(reward.incremental for _, reward in self.components)

    def start(self, samples: Iterable[Sample]) -> Progress:
        """Return a state that scores one response to each of ``samples`` after every piece that is appended to it."""
        return Summed(self.components, samples, self.constant) if self.incremental else super().start(samples)

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the components' statistics side by side, float64 [N, K]."""
        return np.hstack([reward.statistics(responses, samples) for _, reward in self.components])

    def aggregate(self, totals: FloatArray, count: int) -> FloatArray:
        """Return the weighted sum of the components' corpus scores, float64 [...], from totals [..., K]."""
        ends = np.cumsum([_width(reward) for _, reward in self.components])
        parts = np.split(np.asarray(totals, np.float64), ends[:-1], axis=-1)
        rows = zip(self.components, parts, strict=True)
        scores = [weight * reward.aggregate(part, count) for (weight, reward), part in rows]
        return np.asarray(np.sum(scores, axis=0) + self.constant, np.float64)

    @property
    def signature(self) -> str:
        """The weights and the signatures of the components."""
        return self._join("signature")

    @property
    def corpus_signature(self) -> str:
        """The same for the corpus score."""
        return self._join("corpus_signature")

    def __repr__(self) -> str:
        constant = f", constant={self.constant!r}" if self.constant else ""
        return f"WeightedSum({self.components!r}{constant})"

    def _join(self, attribute: str) -> str:
        if len(self.components) == 1 and self.components[0][0] == 1.0 and not self.constant:
            return written(self.components[0][1], attribute)  # it scores the same
        terms = [f"{weight:.12g}*{_factor(reward, attribute)}" for weight, reward in self.components]
        terms += [f"{self.constant:.12g}"] if self.constant else []
        return " + ".join(terms).replace("+ -", "- ")


def _factor(reward: Reward, attribute: str) -> str:
    text = written(reward, attribute)
    return f"({text})" if isinstance(reward, WeightedSum) else text


def _width(reward: Reward) -> int:
    """Return K, the number of statistics of a reward, as it shows when there is nothing to judge."""
    shape = np.shape(reward.statistics((), ()))
    if len(shape) != 2:
        raise RewardError(
            f"The reward {reward.name!r} must give statistics of shape [N, K] for N = 0 too, got {list(shape)}: "
            "return np.zeros((0, K)) when there is no response."
        )
    return int(shape[1])
