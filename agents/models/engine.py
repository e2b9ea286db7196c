"""How a policy computes: choices that change speed and memory, not what is computed but for rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from textgym.arguments import whole_number
from textgym.errors import ConfigError
from textgym.registration import refuse_unknown

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Engine:
    """How a policy computes.

    Attributes:
        precision: Of the model's matrix products. With "bfloat16" weights, logits, probabilities and losses stay
            float32.
        checkpoint_activations: Keep only what enters each layer of the learning pass and compute the rest again in its
            backward pass, which takes a third more time and far less memory.
        compile: Let ``torch.compile`` translate the model's part of a decoding step.
        look_every: Steps of decoding between two looks at what has ended; each look waits for the device. None is 1 on
            a CPU, which has nothing to wait for, and 8 elsewhere.
    """

    precision: str = "float32"
    checkpoint_activations: bool = False
    compile: bool = False
    look_every: int | None = None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"engine.precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}.")
        for name in ("checkpoint_activations", "compile"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"engine.{name} must be true or false, got {getattr(self, name)!r}.")
        if self.look_every is not None and whole_number("engine.look_every", self.look_every) < 1:
            raise ConfigError(f"engine.look_every must be at least 1, or None, got {self.look_every}.")

    def __bool__(self) -> bool:
        return self != Engine()

    def looks_every(self, device: torch.device) -> int:
        """Return the steps of decoding between two looks on a device."""
        return self.look_every or (1 if device.type == "cpu" else 8)

    def to_json(self) -> dict[str, Any]:
        """Return the attributes."""
        return asdict(self)


def make_engine(spec: Engine | Mapping[str, Any] | None) -> Engine:
    """Return an engine from one, from its attributes in a mapping, or the plain one.

    Raises:
        ConfigError: An attribute is unknown or out of range.
    """
    if isinstance(spec, Engine):
        return spec
    if spec is not None and not isinstance(spec, Mapping):
        raise ConfigError(f"engine must be a dict such as {{'precision': 'bfloat16'}}, got {spec!r:.80}.")
    refuse_unknown("engine", spec or {}, Engine)
    return Engine(**(spec or {}))
