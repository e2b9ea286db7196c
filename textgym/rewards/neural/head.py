"""The head of a trained scorer: standardised features, then one linear layer or two."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from textgym.core import FloatArray
from textgym.errors import ModelError
from textgym.rewards.neural.encoder import POOLINGS, Encoder, Vectors

FORMAT = 1
TARGETS = ("regression", "classification", "pairwise")
READS = ("response", "prompt", "references")  # what an example is made of: the response alone, or with another text
Layer = tuple[FloatArray, FloatArray]  # weight [in, out] and bias [out]


@dataclass(frozen=True)
class Head:
    """From features to numbers, in float64: (x - mean) / scale, then layers with a rectifier between them.

    Attributes:
        mean: Of each feature among the examples it was trained on, [D].
        scale: Their standard deviation, [D].
        layers: One or two.
    """

    mean: FloatArray
    scale: FloatArray
    layers: tuple[Layer, ...]

    def __call__(self, features: npt.ArrayLike) -> FloatArray:
        """Return the numbers, float64 [N, outputs], for features [N, D]."""
        rows = (np.asarray(features, np.float64) - self.mean) / self.scale
        *hidden, (weight, bias) = self.layers
        for inner, shift in hidden:
            rows = np.maximum(rows @ inner + shift, 0.0)
        return np.asarray(rows @ weight + bias)

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return what is saved, by name, in float32."""
        named = {"mean": self.mean, "scale": self.scale}
        for number, (weight, bias) in enumerate(self.layers):
            named |= {f"layers.{number}.weight": weight, f"layers.{number}.bias": bias}
        return {name: np.ascontiguousarray(array, np.float32) for name, array in named.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Head:
        """Return the head that was saved as :meth:`arrays`."""
        wide = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
        count = sum(name.endswith(".weight") for name in wide)
        layers = tuple((wide[f"layers.{i}.weight"], wide[f"layers.{i}.bias"]) for i in range(count))
        return cls(wide["mean"], wide["scale"], layers)


def features(encoder: Encoder, responses: Sequence[str], others: Sequence[str] | None, pooling: str) -> Vectors:
    """Return what a head reads, float32 [N, D]: a response's embedding u, or u, v, |u - v| and u * v.

    v is the embedding of the other text; the combination is that of InferSent (Conneau et al., 2017).
    """
    one: Vectors = encoder.embed(responses, pooling)
    if others is None:
        return one
    other = encoder.embed_kept(others, pooling)
    return np.concatenate([one, other, np.abs(one - other), one * other], axis=1)


def read_scorer(folder: Path) -> tuple[dict[str, Any], Head]:
    """Return what ``scorer.json`` and ``head.safetensors`` of a folder hold.

    Raises:
        ModelError: It is no such folder, of a newer format, or a part is missing or broken.
    """
    from safetensors.numpy import load_file

    if not (folder / "scorer.json").is_file():
        raise ModelError(f"{folder} is not a trained scorer: it has no scorer.json. textgym train-scorer makes one.")
    try:
        told = json.loads((folder / "scorer.json").read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ModelError(f"{folder} has format {told['format']}, and {FORMAT} is what is known: update textgym.")
        head = Head.of_arrays(load_file(folder / "head.safetensors"))
        valid = _fits(told, head)
    except ModelError:
        raise
    except Exception as error:  # OSError, JSON, KeyError, TypeError, errors of safetensors
        raise ModelError(f"The scorer in {folder} cannot be read: {type(error).__name__}: {error}.") from error
    if not valid:
        raise ModelError(
            f"The scorer in {folder} cannot be read: scorer.json or head.safetensors lacks a part, or they do not "
            "belong together. Train it anew."
        )
    return told, head


def _fits(told: dict[str, Any], head: Head) -> bool:
    """Whether all parts are there and of the kinds and sizes that belong together."""
    known = told["target"] in TARGETS and told["reads"] in READS and told["pooling"] in POOLINGS
    low, high = map(float, told["range"])
    encoder = isinstance(told["encoder"]["model"], str) and isinstance(told["encoder"]["fingerprint"], str)
    outputs = len(told["labels"]) if told["target"] == "classification" else 1
    sizes = [len(head.mean), *(len(bias) for _, bias in head.layers)]
    chained = all(weight.shape == pair for (weight, _), pair in zip(head.layers, pairwise(sizes), strict=True))
    learned = isinstance(told["settings"]["fine_tune"], bool)
    return bool(known and low <= high and encoder and learned and chained and sizes[-1] == outputs and outputs)
