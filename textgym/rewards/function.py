"""A plain function as a reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import RewardError
from textgym.rewards.judge import as_float, check_lengths, excerpt
from textgym.rewards.signature import signature


class FunctionReward(Reward):
    """A reward that asks a function about one response at a time.

    Args:
        function: Takes a response and its sample and returns a number.
        name: For tables; the function's own name when left out.
        bounds: The least and the greatest value that the function returns.
    """

    def __init__(
        self,
        function: Callable[[str, Sample], Any],
        name: str | None = None,
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> None:
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.bounds = bounds

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the function's values, float64 [N].

        Raises:
            RewardError: The function failed, or returned something else than a number; the message names the row.
        """
        check_lengths(self.name, responses, samples)
        rows = enumerate(zip(responses, samples, strict=True))
        return np.array([self._value(row, response, sample) for row, (response, sample) in rows], np.float64)

    @property
    def signature(self) -> str:
        """The name and where the function was written."""
        where = (getattr(self.function, key, "unknown") for key in ("__module__", "__qualname__"))
        return signature(self.name, "sentence", function=".".join(where))

    def _value(self, row: int, response: str, sample: Sample) -> float:
        try:
            value = self.function(response, sample)
        except Exception as error:
            raise RewardError(
                f"The reward {self.name!r} failed at row {row} (prompt {excerpt(sample.prompt)}, response "
                f"{excerpt(response)}) with {type(error).__name__}: {error}. A reward must judge any text: "
                "catch what cannot be judged and score it."
            ) from error
        number = as_float(value)
        if number is None:
            raise RewardError(
                f"The reward {self.name!r} broke its contract at row {row} (prompt {excerpt(sample.prompt)}): "
                f"it must return one real number, got {type(value).__name__}: {value!r:.80}."
            )
        return number
