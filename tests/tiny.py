"""A task small enough to reason about, and its environments: what the tests of the environments play."""

import atexit
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np

from tests.tasks.published.fixtures import FIXTURES, fixture
from textgym import Reward, Sample, Task, register_env, register_reward, register_task
from textgym.tokenizers import CharTokenizer

TOKENIZER = CharTokenizer("abcdefgh ")
EOS = TOKENIZER.eos_id
SAMPLES = [
    Sample("abc", ("cab", "bca")),
    Sample("h", ("a",)),
    Sample("de fg", ("gf ed", "g", "hhhhhhhhhhhhhhhh")),
    Sample("bad cab", ("feed a dad",)),
    Sample("head", ()),
]


@register_reward("tiny-overlap")
class Overlap(Reward):
    """The share of the prompt's letters that the response has, less the share that it has too much."""

    bounds = (-1.0, 1.0)

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> np.ndarray:
        return np.array([self._one(text, set(s.prompt)) for text, s in zip(responses, samples, strict=True)])

    def _one(self, text: str, letters: set[str]) -> float:
        return len(letters & set(text)) / len(letters) - (len(set(text) - letters) / 9)


@register_reward("tiny-length")
def length(response: str, sample: Sample) -> float:
    """A plain function as a reward."""
    return len(response) / 100


@register_task("tiny")
class Tiny(Task):
    """Five samples, six tokens."""

    reward = "tiny-overlap"
    max_prompt_tokens = 8
    max_new_tokens = 6
    splits = ("train", "test", "empty")
    sources = ("reversed",)

    def __init__(self, source: str = "plain", copies: int = 1) -> None:
        self.source = source
        self.copies = copies

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples, in the order that the source says."""
        order = SAMPLES[::-1] if self.source == "reversed" else SAMPLES
        return {"train": order * self.copies, "test": order[:2], "empty": []}[split]

    def tokenizer(self) -> CharTokenizer:
        """Return the same tokenizer each time."""
        return TOKENIZER


register_env("tests/Tiny-v0", task="tiny")
register_env("tests/TinyShaped-v0", task="tiny", shaping="potential", discount=0.9, on_length="truncate")
register_env("tests/TinyStrict-v0", task="tiny", min_new_tokens=2, banned_tokens=[0, 3], invalid_action_penalty=0.25)
register_env("tests/TinyStops-v0", task="tiny", stop=["ab", "ca", "b d"], shaping="potential", on_length="truncate")
PARTS = {"tiny-overlap": 0.5, "min(length, 2) * distinct(n=1)": -0.1}
register_env("tests/TinyParts-v0", task="tiny", reward=PARTS, missing_eos_penalty=0.3)
register_env(
    "tests/TinyShapedParts-v0", task="tiny", reward=PARTS, missing_eos_penalty=0.3, shaping="potential", discount=0.9
)


def all_ids(entry_point: str = "textgym.env:TextGenerationEnv") -> list[str]:
    """Return the ids of the library and of these tests whose environment is the one at ``entry_point``."""
    own = ("textgym/", "tests/")
    return sorted(id for id, spec in gym.registry.items() if id.startswith(own) and spec.entry_point == entry_point)


def dialogue_ids() -> list[str]:
    """Return those whose episodes are dialogues."""
    return all_ids("textgym.dialogue.env:DialogueEnv")


def small(id: str) -> dict[str, Any]:
    """Return arguments that make any of them quick to play to the end, with files where the library has none."""
    if id.startswith("tests/"):
        return {}
    task = gym.spec(id).kwargs.get("task")
    data = {"data": published_data(task)} if task in FIXTURES else {}
    return {"tokenizer": "byte", "max_prompt_tokens": 24, "max_new_tokens": 5, "overlong": "truncate", **data}


@cache
def published_data(task: str) -> Any:
    """Return what ``data=`` takes of a published task, in files that last as long as the process."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return fixture(task, Path(folder.name, task))


def some_actions(space: gym.Space, eos: int | None, steps: int, lanes: int, seed: int = 0) -> np.ndarray:
    """Return token ids [steps, lanes], an eos now and then."""
    rng = np.random.default_rng(seed)
    actions = rng.integers(0, space.vocab_size, (steps, lanes))
    return np.where(rng.random((steps, lanes)) < 0.2, eos, actions)
