"""How a dialogue with a goal came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.registration import register_reward
from textgym.rewards.signature import signature

SLOTS, SUCCESS, SPEED = 0.3, 0.5, 0.2  # they sum to 1


@register_reward("outcome")
@dataclass(frozen=True)
class OutcomeReward(Reward):
    """Success of a dialogue, slots right and turns used: 0.3 slots + 0.5 success + 0.2 success (M - k) / (M - 1).

    ``slots`` is the share of the goal's slots that the last offer had right, ``success`` 1 where all were, k the turns
    that the agent took and M the most that it may take (with M = 1, the last factor is 1). So the score lies in [0, 1],
    and what fails gets at most 0.3. It is read from the sample's metadata ``success``, ``slots``, ``turns`` and
    ``max_turns``, where ``textgym.dialogue.env.DialogueEnv`` puts it; a sample without them has no outcome: 0.
    """

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores; the responses are not read."""
        return np.array([_score(sample) for sample in samples], dtype=np.float64)

    @property
    def signature(self) -> str:
        """The name, the weights and the version."""
        return signature("outcome", "dialogue", weights=f"{SLOTS},{SUCCESS},{SPEED}")


def _score(sample: Sample) -> float:
    told = sample.metadata
    if "success" not in told:
        return 0.0
    most = told["max_turns"]
    saved = (most - told["turns"]) / (most - 1) if most > 1 else 1.0
    return float(SLOTS * told["slots"] + told["success"] * (SUCCESS + SPEED * saved))
