"""Noise that a text determines: to try how an algorithm bears a judge that errs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from statistics import NormalDist

import numpy as np

from textgym.arguments import real_number, whole_number
from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError
from textgym.registration import register_reward
from textgym.rewards.judge import check_lengths
from textgym.rewards.signature import signature

LIMIT = 6.0  # standard deviations; a draw lies beyond once in 500 million


@register_reward("noise")
@dataclass(frozen=True)
class Noise(Reward):
    """Normal noise of mean 0, a pure function of seed, prompt and response: the same text gets the same noise.

    So it is reproducible in any order and in any process, and cannot be averaged away by repeating a response.
    Draws beyond 6 deviations are clipped, so that there are bounds. No text wins by what it says.

    Args:
        std: The standard deviation, at least 0.
        seed: At least 0.
    """

    std: float = 0.1
    seed: int = 0
    bounds: tuple[float, float] = field(init=False, repr=False, compare=False, default=(0.0, 0.0))

    def __post_init__(self) -> None:
        if not 0 <= real_number("std", self.std) < math.inf:
            raise ConfigError(f"The std of noise must be finite and at least 0, got {self.std}.")
        whole_number("seed", self.seed)
        object.__setattr__(self, "bounds", (-LIMIT * self.std, LIMIT * self.std))

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one draw per response, float64 [N]."""
        check_lengths(self.name, responses, samples)
        draws = [self._draw(text, sample.prompt) for text, sample in zip(responses, samples, strict=True)]
        return np.clip(np.array(draws, np.float64), -LIMIT, LIMIT) * self.std

    def _draw(self, *texts: str) -> float:
        data = "\x1f".join([str(self.seed), *(f"{len(text)}:{text}" for text in texts)])
        digest = blake2b(data.encode("utf-8", "surrogatepass"), digest_size=6).digest()
        return NormalDist().inv_cdf((int.from_bytes(digest, "big") + 0.5) / 2**48)  # never 0, never 1

    @property
    def signature(self) -> str:
        """The name, its options and the version."""
        return signature("noise", "sentence", std=self.std, seed=self.seed)
