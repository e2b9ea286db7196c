"""The probability of a label under a sequence-classification model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.registration import register_reward
from textgym.rewards.neural.classifying import Classifier
from textgym.rewards.neural.reward import NeuralReward


@register_reward("classifier")
@dataclass(frozen=True)
class ClassifierReward(NeuralReward):
    """The probability that a classifier gives to a label, on [0, 1]: softmax, or sigmoid where labels are independent.

    Whatever the classifier was not taught wins it as likely as not; look at responses, not at the mean.

    Args:
        model: A sequence-classification model: a folder or a hub name.
        label: By name or number.
        reads: "response"; "pair" of prompt and response; or "chat", a conversation in the model's own template.
    """

    model: str = field(default="", repr=False)
    label: str | int = 0
    reads: str = "response"
    kind = Classifier

    def __post_init__(self) -> None:
        super().__post_init__()
        self.network.check_reads(self.name, self.reads)
        self.network.label_index(self.name, self.label)

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the probabilities."""
        logits = self.network.judge(responses, samples, self.reads)
        chosen = logits[:, self.network.label_index(self.name, self.label)]
        config = self.network.model.config
        if config.num_labels == 1 or config.problem_type == "multi_label_classification":
            return sigmoid(chosen)
        return np.asarray(np.exp(chosen - np.logaddexp.reduce(logits, axis=1)))


def sigmoid(values: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -values))
