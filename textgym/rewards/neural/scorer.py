"""Scorers that were trained here on people's judgments, by ``textgym train-scorer``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textgym.core import FloatArray, Sample
from textgym.errors import ConfigError, ModelError, did_you_mean
from textgym.registration import register_reward
from textgym.rewards.composite import label as label_of
from textgym.rewards.neural.classifier import sigmoid
from textgym.rewards.neural.encoder import Encoder
from textgym.rewards.neural.head import features, read_scorer
from textgym.rewards.neural.network import load
from textgym.rewards.neural.references import filled_references
from textgym.rewards.neural.reward import NeuralReward, flat
from textgym.rewards.neural.source import fingerprint, locate
from textgym.rewards.signature import package_version, signature


class TrainedScorer:
    """A head and the encoder whose features it reads.

    Args:
        model: The folder that ``textgym train-scorer`` wrote.
        device: "auto" takes a GPU when there is one.
    """

    def __init__(self, model: str, device: str = "auto") -> None:
        folder = Path(model).expanduser()
        self.told, self.head = read_scorer(folder)
        self.target, self.reads = str(self.told["target"]), str(self.told["reads"])
        self.labels = [str(name) for name in self.told["labels"]]
        name = _encoder(folder, self.told)
        known, found = self.told["encoder"]["fingerprint"], fingerprint(name)
        if found != known:
            raise ModelError(
                f"The scorer in {model!r} was trained on features of the encoder {name!r} with content {known}, and "
                f"what is there has {found}: train it anew, or bring back the encoder that it knew."
            )
        self.encoder = load(Encoder, name, device, found)
        width = self.encoder.width * (1 if self.reads == "response" else 4)
        if len(self.head.mean) != width:
            raise ModelError(
                f"The head in {model!r} reads {len(self.head.mean)} features, and its encoder {name!r} gives {width}: "
                "its parts do not belong together. Train it anew."
            )

    @staticmethod
    def content_of(model: str) -> str:
        """Return what the content of a scorer's folder and of its encoder hashes to."""
        folder = Path(model).expanduser()
        told, _ = read_scorer(folder)
        digest = hashlib.sha256(fingerprint(_encoder(folder, told)).encode())
        for name in ("scorer.json", "head.safetensors"):
            digest.update((folder / name).read_bytes())
        return digest.hexdigest()[:8]

    def numbers(self, responses: Sequence[str], others: Sequence[str] | None) -> FloatArray:
        """Return the head's numbers, float64 [N, outputs]."""
        return self.head(features(self.encoder, responses, others, self.told["pooling"]))


def _encoder(folder: Path, told: Mapping[str, Any]) -> str:
    """Return the encoder of a scorer: its own part where that learned, else the one that is named.

    Raises:
        ModelError: It is missing.
    """
    inside = folder / "encoder"
    if inside.is_dir():
        return str(inside)
    if told["settings"]["fine_tune"]:
        raise ModelError(f"The scorer in {folder} lacks its folder 'encoder', the encoder that learned with its head.")
    name = str(told["encoder"]["model"])
    try:
        locate(name)
    except ModelError as error:
        raise ModelError(
            f"The scorer in {folder} needs the encoder {name!r}, with which it was trained. {error}"
        ) from error
    return name


@register_reward("scorer")
@dataclass(frozen=True)
class ScorerReward(NeuralReward):
    """What a scorer of ``textgym train-scorer`` predicts of a response.

    Regression: the predicted score, within the range of those it was trained on. Classification: the probability of
    ``label``, on [0, 1]. Pairwise: the probability on [0, 1] that the response is preferred to one of average worth
    (Bradley and Terry, 1952). Where the scorer reads references too, the best one counts. A policy soon writes what
    no person has judged: look at responses, not at the mean.

    Args:
        model: The folder that ``textgym train-scorer`` wrote.
        label: Of a classification: the name of the label; by default the last one.
    """

    model: str = field(default="", repr=False)
    label: str | int | None = None
    kind = TrainedScorer

    def __post_init__(self) -> None:
        super().__post_init__()
        labels = self.network.labels
        if self.label is not None and str(self.label) not in labels:
            known = did_you_mean(str(self.label), labels)
            raise ConfigError(f"The scorer has no label {str(self.label)!r}. {known}")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """The least and the greatest score."""
        low, high = self.network.told["range"] if self.network.target == "regression" else (0.0, 1.0)
        return float(low), float(high)

    @property
    def needs_references(self) -> bool:  # type: ignore[override]
        """Whether a sample without references cannot be judged."""
        return bool(self.network.reads == "references")

    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the predictions."""
        if self.network.reads != "references":
            others = [sample.prompt for sample in samples] if self.network.reads == "prompt" else None
            return self._predicted(self.network.numbers(responses, others))
        references, starts = flat(filled_references(self.name, samples))
        repeated = [text for text, n in zip(responses, np.diff(starts), strict=True) for _ in range(n)]
        return np.maximum.reduceat(self._predicted(self.network.numbers(repeated, references)), starts[:-1])

    def _predicted(self, numbers: FloatArray) -> FloatArray:
        target, labels = self.network.target, self.network.labels
        if target == "regression":
            return numbers[:, 0]
        if target == "pairwise":
            return sigmoid(numbers[:, 0])
        chosen = numbers[:, labels.index(str(self.label)) if self.label is not None else -1]
        return np.asarray(np.exp(chosen - np.logaddexp.reduce(numbers, axis=1)))

    @property
    def signature(self) -> str:
        """The name with its options, what the scorer and its encoder hash to, and the versions."""
        told = self.network.told
        model = f"{Path(self.model).name}@{self._content}"
        encoder = f"{Path(told['encoder']['model']).name}@{told['encoder']['fingerprint']}"
        versions = {name: package_version(name) for name in ("transformers", "torch")}
        return signature(label_of(self), "sentence", model=model, target=told["target"], encoder=encoder, **versions)
