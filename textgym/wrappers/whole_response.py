"""One action is a complete response: the same episodes as a contextual bandit."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import InvalidAction
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from textgym.core import IntArray
from textgym.ends import Ends
from textgym.errors import ConfigError
from textgym.spaces import EMPTY
from textgym.wrappers.base import Observation, TextVectorWrapper, TextWrapper, refuse_other_actions

Action = npt.NDArray[np.int32]


class ResponseSpace(spaces.Box):
    """Complete responses: token ids from the left, then -1, int32 [T].

    What stands after the first token that ends a response is not read. A response that stops without one, before T
    tokens, is given its eos; where there is no eos it must fill all T columns.

    Args:
        ends: What knows T, V, the eos and the stop strings.
    """

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        super().__init__(EMPTY, ends.space.vocab_size - 1, (ends.space.max_new_tokens,), np.int32)

    def sample(self, mask: None = None, probability: None = None) -> Action:
        """Return a response of a length drawn uniformly, its tokens drawn from those that are allowed, and an eos."""
        space, rng = self.ends.space, self.np_random
        allowed = np.flatnonzero(space.allowed(np.array([space.max_new_tokens]))[0])
        inner = allowed[allowed != space.eos_id] if space.eos_id is not None and len(allowed) > 1 else allowed
        low = max(space.min_new_tokens, 0 if space.eos_id is not None else space.max_new_tokens)
        length = int(rng.integers(low, space.max_new_tokens + 1))
        row = np.full(space.max_new_tokens, EMPTY, dtype=np.int32)
        row[:length] = rng.choice(inner, length)
        if length < space.max_new_tokens and space.eos_id is not None:
            row[length] = space.eos_id
        return row

    def tokens(self, action: Any) -> list[int]:
        """Return the tokens that an action writes, up to the one that ends the response.

        Raises:
            InvalidAction: It is no array of whole numbers [T] with ids in [0, V) and then -1, or cannot end.
        """
        V, T = self.ends.space.vocab_size, self.ends.space.max_new_tokens
        array = np.asarray(action)
        if array.shape != (T,) or array.dtype.kind not in "iu":
            raise InvalidAction(f"A response is an array of whole numbers [{T}], got {array.dtype} {array.shape}.")
        empty = np.flatnonzero(array == EMPTY)
        ids = array[: empty[0]] if len(empty) else array
        if ((ids < 0) | (ids >= V)).any():
            raise InvalidAction(f"A response holds ids in [0, {V}) and then {EMPTY}, got {array.tolist()}.")
        stopped = self.ends.space.stop.along(ids[None])[0]
        over = np.flatnonzero(self.ends.ends(ids, stopped, np.arange(1, len(ids) + 1)))
        if len(over):
            return [int(i) for i in ids[: over[0] + 1]]
        if self.ends.space.eos_id is None:
            raise InvalidAction(f"This response never ends: without an eos it needs {T} ids, got {array.tolist()}.")
        return [*(int(i) for i in ids), self.ends.space.eos_id]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResponseSpace) and self.ends.space == other.ends.space

    def __repr__(self) -> str:
        return f"ResponseSpace(V={self.ends.space.vocab_size}, T={self.ends.space.max_new_tokens})"


class WholeResponse(TextWrapper):
    """Every episode has one step, whose action is a :class:`ResponseSpace`; it pays the sum of the token rewards.

    Args:
        env: A text environment.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        refuse_other_actions(self)
        self.action_space = self.responses = ResponseSpace(self.episodes)

    def encode(self, response: str) -> Action:
        """Return the action that writes a text; what does not fit into T tokens is cut off."""
        ids = self.episodes.tokenizer.encode(response)[: self.responses.ends.space.max_new_tokens]
        row = np.full(self.responses.shape, EMPTY, dtype=np.int32)
        row[: len(ids)] = ids
        return row

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Answer the prompt."""
        total, refused = 0.0, False
        for token in self.responses.tokens(action):
            observation, reward, terminated, truncated, info = self.env.step(token)
            total += float(reward)
            refused = refused or "invalid_action" in info
            if terminated or truncated:  # sooner than the action says, where a prefix was written before
                break
        return observation, total, terminated, truncated, info | ({"invalid_action": True} if refused else {})


class WholeResponseVector(TextVectorWrapper):
    """The same for many prompts at once, in mode SameStep, with one call of the reward and no loop over tokens.

    Args:
        env: A native vector environment with ``autoreset_mode="SameStep"`` and no wrappers.
    """

    def __init__(self, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        if env is not self.native or env.metadata["autoreset_mode"] is not AutoresetMode.SAME_STEP:
            raise ConfigError(
                f"WholeResponseVector goes around gym.make_vec(..., autoreset_mode='SameStep') itself, got {env} in "
                f"mode {env.metadata['autoreset_mode']}."
            )
        self.single_action_space = self.responses = ResponseSpace(self.episodes)
        self.action_space = batch_space(
            spaces.Box(EMPTY, self.responses.high.max(), self.responses.shape, np.int32), self.num_envs
        )

    def step(self, actions: IntArray) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Answer every prompt; every lane then stands at its next one.

        Args:
            actions: [num_envs, T].
        """
        rows = [self.responses.tokens(action) for action in np.asarray(actions)]
        if len(rows) != self.num_envs:
            raise InvalidAction(f"There must be one response for each of {self.num_envs} lanes, got {len(rows)}.")
        responses = np.full((self.num_envs, *self.responses.shape), EMPTY, dtype=np.int32)
        lengths = np.array([len(row) for row in rows])
        responses[np.arange(responses.shape[1]) < lengths[:, None]] = np.concatenate(rows)
        prompts = self.native.begin(self.num_envs)
        scores = self.native.score(responses, lengths)
        final = np.concatenate([prompts.ids, responses], axis=1)
        infos = self._infos(scores.infos, final, self._refused(responses))
        return self.native.observations(), scores.rewards.sum(axis=1), scores.terminated, scores.truncated, infos

    def _refused(self, responses: IntArray) -> npt.NDArray[np.bool_]:
        refused = self.episodes.refused(responses, np.arange(responses.shape[1])) & (responses != EMPTY)
        return np.asarray(refused.any(axis=1))

    def _infos(self, told: dict[str, Any], final: IntArray, refused: npt.NDArray[np.bool_]) -> dict[str, Any]:
        """Return what SyncVectorEnv would tell of episodes that all end in the same step."""
        everyone = np.ones(self.num_envs, dtype=bool)
        last = np.full(self.num_envs, None)
        last[:] = list(final)
        ended = {key: value for name, column in told.items() for key, value in ((name, column), (f"_{name}", everyone))}
        if refused.any():
            ended |= {"invalid_action": refused, "_invalid_action": refused}
        return {
            "final_obs": last,
            "_final_obs": everyone,
            "final_info": ended,
            "_final_info": everyone,
            **self.native.start_infos(),
        }
