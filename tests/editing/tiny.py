"""A task small enough to try every edit, and its environments: what the tests of editing play."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from tests.tiny import TOKENIZER, all_ids
from textgym import Sample, Task, register_task
from textgym.editing.env import EditEnv
from textgym.registration import register_edit_env

V = TOKENIZER.vocab_size
IDS = {char: i for i, char in enumerate("abcdefgh ")}
SAMPLES = [
    Sample("abc", ("abc", "cab"), {"draft": "abd"}),
    Sample("h", ("a",), {"draft": ""}),
    Sample("de fg", ("de fg",), {"draft": "ed fggg"}),
    Sample("bad", ("bad cab",), {"draft": "bad cab"}),
    Sample("head", ("feed a",), {"draft": "hhhhhhhh"}),
]


@register_task("tiny-edits")
class TinyEdits(Task):
    """Five drafts of at most eight letters."""

    reward = "edit_similarity"
    max_prompt_tokens = 6
    max_new_tokens = 7
    draft = "given"
    max_draft_tokens = 8
    max_edits = 6

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples, in reverse order for "test"."""
        return SAMPLES[::-1] if split == "test" else SAMPLES

    def tokenizer(self) -> Any:
        """Return the same tokenizer each time."""
        return TOKENIZER


PARTS = {"edit_similarity": 0.5, "min(length, 2) * distinct(n=1)": -0.1}
register_edit_env("tests/TinyEdits-v0", task="tiny-edits")
register_edit_env("tests/TinyEditsFlat-v0", task="tiny-edits", flat=True, on_length="truncate", edit_cost=0.05)
register_edit_env(
    "tests/TinyEditsParts-v0", task="tiny-edits", reward=PARTS, banned_tokens=[3], kinds=["delete", "insert"]
)
register_edit_env("tests/TinyExtract-v0", task="tiny-edits", kinds=["delete"], flat=True, invalid_action_penalty=0.3)
register_edit_env("tests/TinyCorrupted-v0", task="tiny", draft="corrupted", split="test", max_draft_tokens=30)
register_edit_env("tests/TinyEmpty-v0", task="tiny", draft="empty", max_edits=4, reward="tiny-overlap")


def tiny(**arguments: Any) -> EditEnv:
    return EditEnv("tiny-edits", **arguments)


def edit_ids() -> list[str]:
    """Return the ids of the library and of these tests whose episodes are edits."""
    return all_ids("textgym.editing.env:EditEnv")


def small(id: str) -> dict[str, Any]:
    """Return arguments that make any of them quick to play to the end."""
    if id.startswith("tests/"):
        return {}
    return {
        "tokenizer": "byte",
        "max_prompt_tokens": 24,
        "max_draft_tokens": 40,
        "max_edits": 5,
        "overlong": "truncate",
    }


def some_edits(env: gym.Env | Any, steps: int, lanes: int, seed: int = 0) -> np.ndarray:
    """Return actions [steps, lanes, ...] near the beginning of drafts, a stop now and then."""
    episodes = env.unwrapped.episodes
    rng = np.random.default_rng(seed)
    space = episodes.space
    kinds = np.where(rng.random((steps, lanes)) < 0.1, 0, rng.integers(1, 4, (steps, lanes)))
    positions = rng.integers(0, min(6, space.max_draft_tokens), (steps, lanes))
    tokens = rng.integers(0, space.vocab_size, (steps, lanes))
    if not episodes.actions.flat:
        return np.stack([kinds, positions, tokens], axis=-1)
    numbers = rng.integers(0, episodes.actions.space.n, (steps, lanes))
    return np.where(kinds == 0, 0, numbers)


def legal_action(env: EditEnv, rng: np.random.Generator) -> Any:
    """Return a legal action, each equally likely where actions are flat, else each of its numbers in turn."""
    actions, space = env.episodes.actions, env.episodes.space
    observation = env._observation()[None]
    if actions.flat:
        return int(rng.choice(np.flatnonzero(actions.masks(observation)[0])))
    drafts, lengths = space.drafts(observation)
    positions = space.legal_positions(drafts, lengths)[0]
    kind = int(rng.choice(np.flatnonzero(positions.any(axis=1))))
    position = int(rng.choice(np.flatnonzero(positions[kind])))
    tokens = space.is_written.copy()
    if kind == 2:
        tokens[drafts[0, position]] = False
    return np.array([kind, position, int(rng.choice(np.flatnonzero(tokens)))])
