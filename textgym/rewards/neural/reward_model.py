"""Scalar reward models, as they are trained on people's preferences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textgym.arguments import real_number
from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError
from textgym.registration import register_reward
from textgym.rewards.neural.classifier import sigmoid
from textgym.rewards.neural.classifying import Classifier
from textgym.rewards.neural.references import filled_references
from textgym.rewards.neural.reward import NeuralReward, flat


@dataclass(frozen=True)
class ScalarReward(NeuralReward):
    """A reward made of one number that a model gives for a prompt with a response."""

    model: str = field(default="", repr=False)
    reads: str = "pair"
    kind = Classifier

    def __post_init__(self) -> None:
        super().__post_init__()
        self.network.check_reads(self.name, self.reads)
        self.network.check_scalar(self.name, self.model)

    def scalars(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the model's numbers, [N]."""
        return np.asarray(self.network.judge(responses, samples, self.reads)[:, 0])


@register_reward("reward_model")
@dataclass(frozen=True)
class RewardModel(ScalarReward):
    """The number that a reward model gives (Stiennon et al., 2020), brought within [low, high]; a blank one gets low.

    Such numbers have no zero of their own: in a sum with other rewards, put them on a range (``(x + 5) / 10``).

    Args:
        model: A sequence-classification model with one label: a folder or a hub name.
        reads: "pair" of prompt and response; "chat", a conversation in the model's own template; or "response".
        low: The least score.
        high: The greatest score.
    """

    low: float = -10.0
    high: float = 10.0

    def __post_init__(self) -> None:
        low, high = real_number("low", self.low), real_number("high", self.high)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigError(f"{self.name} needs finite bounds with low < high, got low={low} and high={high}.")
        super().__post_init__()

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """The least and the greatest score."""
        return float(self.low), float(self.high)

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the model's numbers."""
        return self.scalars(responses, samples)


@register_reward("preference")
@dataclass(frozen=True)
class Preference(ScalarReward):
    """The probability on [0, 1] that people prefer the response to the best reference, by a reward model.

    sigmoid(r(response) - r(reference)), the model of Bradley and Terry (1952); of several references the one with the
    greatest r is compared.

    Args:
        model: A sequence-classification model with one label: a folder or a hub name.
        reads: "pair" of prompt and response; "chat", a conversation in the model's own template; or "response".
    """

    needs_references = True

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the probabilities."""
        others, starts = flat(filled_references(self.name, samples))
        owners = [samples[row] for row in np.repeat(np.arange(len(samples)), np.diff(starts)).tolist()]
        scalars = self.scalars([*responses, *others], [*samples, *owners])
        best = np.maximum.reduceat(scalars[len(responses) :], starts[:-1])
        return sigmoid(scalars[: len(responses)] - best)
