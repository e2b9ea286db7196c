"""A smaller vocabulary: only the k tokens that responses need most can be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import InvalidAction
from gymnasium.vector.utils import batch_space

from textgym.arguments import whole_number
from textgym.core import BoolArray
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.sources import split_samples
from textgym.wrappers.base import Observation, TextVectorWrapper, TextWrapper, refuse_other_actions

READ = 10_000  # samples whose references are counted
Ids = npt.NDArray[np.int64]


def frequent_tokens(episodes: Episodes, k: int) -> Ids:
    """Return the ids of the k commonest tokens of the references, in ascending order, int64 [k].

    The first 10,000 samples of the split "train" are read. The eos is always among them, an id
    that is not allowed never.

    Args:
        episodes: ``env.unwrapped.episodes`` of an environment.
        k: From 1 (2 with an eos) to the number of ids that are allowed.

    For a transformer policy, which keeps its whole vocabulary, ban the others instead:
    ``banned_tokens=sorted({*range(V)} - {*frequent_tokens(...)})``.
    """
    space = episodes.space
    allowed = np.flatnonzero(space.allowed(np.array([space.max_new_tokens]))[0])
    if not 1 + (space.eos_id is not None) <= whole_number("k", k) <= len(allowed):
        raise ConfigError(f"k must lie in [{1 + (space.eos_id is not None)}, {len(allowed)}], got {k}.")
    samples = split_samples(episodes.task, "train")
    counts: Counter[int] = Counter()
    for i in range(min(len(samples), READ)):
        for reference in samples[i].references:
            counts.update(episodes.tokenizer.encode(reference))
    first = sorted(allowed.tolist(), key=lambda token: (token != space.eos_id, -counts[token], token))
    return np.array(sorted(first[:k]), dtype=np.int64)


class TopKVocabulary(TextWrapper):
    """Actions are ``Discrete(k)``: the number of a token among the k commonest, in the order of their ids.

    Observations hold ids of the whole vocabulary, as before.

    Args:
        env: A text environment.
        k: How many tokens can be written, the eos included.

    Attributes:
        tokens: The ids, int64 [k].
    """

    def __init__(self, env: gym.Env[Any, Any], k: int) -> None:
        super().__init__(env, k=k)
        refuse_other_actions(self)
        self.tokens = frequent_tokens(self.episodes, k)
        self.action_space = spaces.Discrete(len(self.tokens))

    def step(self, action: SupportsIndex) -> tuple[Observation, Any, bool, bool, dict[str, Any]]:
        """Write the token whose number is ``action``, in [0, k)."""
        number = _number(action, len(self.tokens))
        return self.env.step(int(self.tokens[number]))

    def action_masks(self) -> BoolArray:
        """Return which actions are allowed next, bool [k]."""
        return super().action_masks()[self.tokens]


class TopKVocabularyVector(TextVectorWrapper):
    """The same in every lane: actions are whole numbers in [0, k), [num_envs].

    Args:
        env: A native vector environment.
        k: How many tokens can be written, the eos included.

    Attributes:
        tokens: The ids, int64 [k].
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any], k: int) -> None:
        super().__init__(env)
        refuse_other_actions(self)
        self.tokens = frequent_tokens(self.episodes, k)
        self.single_action_space = spaces.Discrete(len(self.tokens))
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, Mapping[str, Any]]:  # type: ignore[override]
        """Write a token in each lane."""
        numbers = np.asarray(actions)
        if numbers.dtype.kind not in "iu" or ((numbers < 0) | (numbers >= len(self.tokens))).any():
            raise InvalidAction(f"Actions must be whole numbers in [0, {len(self.tokens)}), got {actions!r:.200}.")
        return self.env.step(self.tokens[numbers])

    def action_masks(self) -> BoolArray:
        """Return which actions are allowed next, bool [num_envs, k]."""
        return super().action_masks()[:, self.tokens]


def _number(action: SupportsIndex, k: int) -> int:
    try:
        number = whole_number("An action", action)
    except ConfigError as error:
        raise InvalidAction(str(error)) from error
    if not 0 <= number < k:
        raise InvalidAction(f"An action must lie in [0, {k}), got {number}.")
    return number
