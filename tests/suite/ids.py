"""Every registered environment: how to make one that is quick to play, and something to do in it."""

from typing import Any

import gymnasium as gym
import numpy as np

from tests import talks, tiny  # noqa: F401  (their environments)
from tests.editing import tiny as edits
from tests.tiny import some_actions

OWN = ("textgym/", "tests/")
TALKS = {"max_new_tokens": 40, "max_turn_tokens": 6, "overlong": "truncate"}


def every_id() -> list[str]:
    """Return the ids of the library and of its tests, whatever their actions are."""
    return sorted(id for id in gym.registry if id.startswith(OWN))


def kind(id: str) -> str:
    """Return "writing", "dialogue" or "editing"."""
    entry_point = str(gym.spec(id).entry_point)
    if entry_point.startswith("textgym.editing."):
        return "editing"
    return "dialogue" if entry_point.startswith("textgym.dialogue.") else "writing"


def small(id: str) -> dict[str, Any]:
    """Return arguments that make one quick to play to the end, with files where the library has none."""
    if kind(id) == "editing":
        return edits.small(id)
    if kind(id) == "dialogue":
        return {} if id.startswith("tests/") else dict(TALKS)
    return tiny.small(id)


def actions(env: Any, id: str, steps: int, lanes: int, seed: int = 0) -> np.ndarray:
    """Return actions [steps, lanes, ...], now and then one that ends something, some of them not allowed."""
    if kind(id) == "editing":
        return edits.some_edits(env, steps, lanes, seed)
    space = env.unwrapped.episodes.space
    return some_actions(space, space.eos_id, steps, lanes, seed)
