"""What comes of judging responses, and the state that some rewards have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from textgym.core import FloatArray, IntArray, Reward
from textgym.rewards.composite import Composite

PART = "reward/"  # before the names under which the scores of a reward's parts are told


class Judged(NamedTuple):
    """Responses as text, their scores, float64 [N], and those of the parts of a composite reward, by name."""

    texts: list[str]
    scores: FloatArray
    parts: dict[str, FloatArray]

    def rows(self, rows: IntArray) -> Judged:
        """Return some rows, in the order of ``rows``."""
        parts = {name: values[rows] for name, values in self.parts.items()}
        return Judged([self.texts[row] for row in rows], self.scores[rows], parts)


def reward_state(reward: Reward) -> dict[str, Any]:
    """Return what a snapshot holds beside its episodes: ``{"reward": state}``, where the reward has a state."""
    state = reward.state() if isinstance(reward, Composite) else []
    return {"reward": state} if state else {}


def restore_reward(reward: Reward, snapshot: Mapping[str, Any]) -> None:
    """Go back to the reward's state in a snapshot, where it has one."""
    if isinstance(reward, Composite) and reward.state():
        reward.load_state(snapshot.get("reward", ()))
