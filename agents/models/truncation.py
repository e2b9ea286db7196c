"""Leaving out unlikely tokens: top-k, nucleus and min-p, in sampling and in learning alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from textgym.arguments import real_number, whole_number
from textgym.errors import ConfigError
from textgym.registration import refuse_unknown


@dataclass(frozen=True)
class Truncation:
    """Which tokens a policy may say, by their probabilities; applied in the order of the attributes.

    Attributes:
        top_k: So many of the likeliest tokens (Fan et al., 2018); 0 means all.
        top_p: The fewest of the likeliest tokens whose probabilities sum to this (Holtzman et al., 2020); 1 means all.
        min_p: Tokens with at least this share of the likeliest one's probability (Nguyen et al., 2024); 0 means all.
    """

    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        if whole_number("top_k", self.top_k) < 0:
            raise ConfigError(f"top_k counts tokens, 0 for all, got {self.top_k}.")
        if not 0.0 < real_number("top_p", self.top_p) <= 1.0:
            raise ConfigError(f"top_p is a probability in (0, 1], got {self.top_p}.")
        if not 0.0 <= real_number("min_p", self.min_p) <= 1.0:
            raise ConfigError(f"min_p is a share in [0, 1], got {self.min_p}.")

    def __bool__(self) -> bool:
        return self != Truncation()

    def __str__(self) -> str:
        """Return what differs from no truncation, such as ``top_k 50, top_p 0.9``."""
        none = asdict(Truncation())
        return ", ".join(f"{name} {value:g}" for name, value in asdict(self).items() if value != none[name])

    def to_json(self) -> dict[str, Any]:
        """Return the attributes."""
        return asdict(self)

    def __call__(self, logits: Tensor, actions: Tensor | None = None) -> Tensor:
        """Return logits [N, V] with -inf where a token is left out.

        Args:
            logits: float32 [N, V].
            actions: int64 [N], tokens that stay in any case: when a policy has moved, what it once said may have
                become too unlikely to be said again, and would have no log-probability to learn from.
        """
        kept = torch.ones_like(logits, dtype=torch.bool)
        if 0 < self.top_k < logits.shape[-1]:
            kept = logits >= logits.topk(self.top_k, dim=-1).values[:, -1:]
        if self.top_p < 1.0:
            kept &= self._nucleus(logits.masked_fill(~kept, -torch.inf))
        if self.min_p:
            probabilities = logits.masked_fill(~kept, -torch.inf).softmax(dim=-1)
            kept &= probabilities >= self.min_p * probabilities.amax(dim=-1, keepdim=True)
        if actions is not None:
            kept = kept.scatter(-1, actions[:, None], True)
        return logits.masked_fill(~kept, -torch.inf)

    def _nucleus(self, logits: Tensor) -> Tensor:
        ordered, order = logits.sort(dim=-1, descending=True, stable=True)
        probabilities = ordered.softmax(dim=-1)
        before = probabilities.cumsum(dim=-1) - probabilities
        return torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before < self.top_p)


def make_truncation(spec: Truncation | Mapping[str, Any] | None) -> Truncation:
    """Return a truncation from one, from its attributes in a mapping, or none at all.

    Raises:
        ConfigError: An attribute is unknown or out of range.
    """
    if isinstance(spec, Truncation):
        return spec
    if spec is not None and not isinstance(spec, Mapping):
        raise ConfigError(f"truncation must be a dict such as {{'top_p': 0.9}}, got {spec!r:.80}.")
    refuse_unknown("truncation", spec or {}, Truncation)
    return Truncation(**(spec or {}))
