"""Rewards that look at one response at a time, and at its prompt at most."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textgym.arguments import whole_number
from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError, MissingExtraError, did_you_mean
from textgym.rewards.composite import label
from textgym.rewards.judge import check_lengths
from textgym.rewards.signature import signature

UNITS: dict[str, Callable[[str], Sequence[str]]] = {
    "word": str.split,
    "character": lambda text: "".join(text.split()),
}


class PointwiseReward(Reward):
    """A reward that needs no reference. A subclass gives :meth:`value`; a blank response scores 0.

    Attributes:
        package: The package that does the work, whose version the signature tells; None where textgym does.
    """

    package: str | None = None

    @abstractmethod
    def value(self, response: str, sample: Sample) -> float:
        """Return the score of a response that is not blank."""

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]."""
        check_lengths(self.name, responses, samples)
        rows = zip(responses, samples, strict=True)
        return np.array([self.value(text, sample) if text.strip() else 0.0 for text, sample in rows], np.float64)

    @property
    def signature(self) -> str:
        """The name with the options that are not the default, and the versions."""
        return signature(label(self), "sentence", self.package)


def units(text: str, unit: str) -> Sequence[str]:
    """Return the words of a text, which are separated by white space, or its characters without white space."""
    return UNITS[unit](text)


def grams(text: str, unit: str, n: int) -> list[tuple[str, ...]]:
    """Return the n-grams of a text in order; a text of fewer than n units has none."""
    items = units(text, unit)
    return list(zip(*(items[i:] for i in range(n)), strict=False))


def check_options(name: str, unit: str, **numbers: int) -> None:
    """Raise ConfigError unless ``unit`` is known and each number is a whole one of at least 1."""
    if unit not in UNITS:
        raise ConfigError(f"The unit of {name} cannot be {unit!r}. {did_you_mean(str(unit), UNITS)}")
    for key, value in numbers.items():
        if whole_number(key, value) < 1:
            raise ConfigError(f"The {key} of {name} must be at least 1, got {value}.")


def load_scorer(package: str, needed_for: str, load: Callable[[], Any]) -> Any:
    """Return what ``load`` imports and makes.

    Raises:
        MissingExtraError: The package is not installed; the message says how to get it.
        ConfigError: It is installed and cannot be used.
    """
    try:
        return load()
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or package, "metrics", needed_for) from error
    except Exception as error:
        raise ConfigError(
            f"{needed_for} cannot use the package {package}: {type(error).__name__}: {error}. Install it anew: "
            'pip install --force-reinstall "textgym[metrics]".'
        ) from error
