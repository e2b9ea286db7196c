"""Rewards that compare a response with the references of its sample."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import RewardError
from textgym.memo import Memo
from textgym.rewards.judge import check_lengths, excerpt
from textgym.rewards.progress import AnyDraft, Drafted, Progress

P = TypeVar("P")


class ReferenceReward(Reward, Generic[P]):
    """A reward that judges each response against the references of its sample.

    A subclass gives :meth:`prepare`, whose results are remembered, and :meth:`compare`. Empty references are left
    out; a sample without any other is an error; a blank response scores 0. What is remembered is held in attributes
    that begin with an underscore, and those are left behind when the reward is pickled or copied.
    """

    needs_references = True
    remembered: ClassVar[int] = 2**21  # characters of references: 30 to 50 MB of prepared ones

    @abstractmethod
    def prepare(self, references: tuple[str, ...]) -> P:
        """Return whatever of the references does not depend on the response; none of them is blank."""

    @abstractmethod
    def compare(self, response: str, prepared: P) -> float:
        """Return the score of one response."""

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]; see :class:`ReferenceReward` for blank texts."""
        rows = zip(responses, self.prepared(responses, samples), strict=True)
        return np.array([self.compare(text, prepared) if text.strip() else 0.0 for text, prepared in rows], np.float64)

    def draft(self, prepared: P) -> AnyDraft:
        """Return a response that is scored while it is written; only for rewards that are ``incremental``."""
        raise NotImplementedError(f"The reward {self.name!r} is not incremental.")

    def start(self, samples: Iterable[Sample]) -> Progress:
        """Return a state that scores one response to each of ``samples`` after every piece that is appended to it."""
        return Drafted(self._drafts, samples) if self.incremental else super().start(samples)

    def _drafts(self, samples: Sequence[Sample]) -> list[AnyDraft]:
        return list(map(self.draft, self.prepared([""] * len(samples), samples)))

    def prepared(self, responses: Sequence[str], samples: Sequence[Sample]) -> list[P]:
        """Return the prepared references of each sample.

        Raises:
            RewardError: The counts differ, or a sample has no reference that is not blank.
        """
        check_lengths(self.name, responses, samples)
        memo = self._memo
        try:
            return [memo[sample.references] for sample in samples]
        except _NoReferenceError:
            row = next(i for i, sample in enumerate(samples) if not any(map(str.strip, sample.references)))
            raise RewardError(
                f"The reward {self.name!r} needs at least one reference that is not empty, got "
                f"{samples[row].references!r} at row {row} (prompt {excerpt(samples[row].prompt)}): "
                "drop the sample or give it a reference."
            ) from None

    @cached_property
    def _memo(self) -> Memo[tuple[str, ...], P]:
        return Memo(self._prepare_filled, self.remembered, weight=lambda references: sum(map(len, references)))

    def _prepare_filled(self, references: tuple[str, ...]) -> P:
        filled = tuple(text for text in references if text.strip())
        if not filled:
            raise _NoReferenceError
        return self.prepare(filled)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class _NoReferenceError(Exception):
    """No reference is left; the caller knows the row."""
