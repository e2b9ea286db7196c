"""The environment under check: what it follows of the conventions, others of its kind, and how it is played."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from textgym.checker.trace import Trace
from textgym.spaces import TokenSpace
from textgym.tokenizers import Tokenizer

STEPS = 2_000  # an episode of an environment that does not tell its limit is left after so many
EPISODES = 3
FINISHES = ("eos", "stop", "length")  # why a single response ends; dialogues have others


class DoesNotApply(Exception):
    """A check that asks for something that the environment does not have; its text says what."""


class Subject:
    """An environment that is checked.

    Args:
        env: The environment.
        seed: What is random comes from it.

    Attributes:
        name: How messages call it.
        space: Its observation space, where it is a ``TokenSpace``; it knows the prompt, the limit and the eos.
        writes: Whether an action is a token of that space, written after the prompt.
    """

    def __init__(self, env: gym.Env[Any, Any], seed: int = 0) -> None:
        self.env = env
        self.seed = seed
        self.name = str(env.spec.id if env.spec is not None else type(env.unwrapped).__name__)
        space = env.observation_space
        self.space = space if isinstance(space, TokenSpace) else None
        self.writes = self.space is not None and _writes(self.space, env.action_space)
        self._pristine: gym.Env[Any, Any] | None = None
        if env.spec is None:
            self._pristine = _copied(env)

    def writing_space(self) -> TokenSpace:
        """Return the space of an environment whose actions are tokens."""
        if self.space is None or not self.writes:
            raise DoesNotApply("its actions are not the tokens of a TokenSpace")
        return self.space

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the environment, of any of its wrappers, or of ``env.unwrapped.episodes``."""
        if self.env.has_wrapper_attr(name):
            return self.env.get_wrapper_attr(name)
        return getattr(getattr(self.env.unwrapped, "episodes", None), name, default)

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, which ``env.tokenizer`` or ``env.episodes.tokenizer`` tells."""
        found = self.attribute("tokenizer")
        if not isinstance(found, Tokenizer):
            raise DoesNotApply("it tells no tokenizer (an attribute `tokenizer`)")
        return found

    def another(self, **arguments: Any) -> gym.Env[Any, Any]:
        """Return an environment of the same kind, made anew where its spec allows it, else a copy.

        Args:
            arguments: Such as ``render_mode``; only an environment with a spec takes them.
        """
        if self.env.spec is not None:
            made = gym.make(self.env.spec, **arguments)
            return made.unwrapped if self.env is self.env.unwrapped else made
        if arguments:
            raise DoesNotApply("without a spec it cannot be made with other arguments (use gym.make)")
        if self._pristine is None:
            raise DoesNotApply("it has no spec to make another from, and cannot be copied")
        return copy.deepcopy(self._pristine)

    def trace(self, env: gym.Env[Any, Any] | None = None) -> Trace:
        """Return what plays this environment, or ``env``."""
        return Trace(self.env if env is None else env, self.name)

    def seeds(self) -> range:
        """Return the seeds of the episodes of a check."""
        return range(self.seed, self.seed + EPISODES)

    def episodes(self, eos: float = 0.2) -> Iterator[Trace]:
        """Play episodes of allowed actions, and yield each when it is over or left."""
        for seed in self.seeds():
            trace = self.trace()
            trace.reset(seed)
            self.play(trace, np.random.default_rng(seed), eos)
            yield trace

    def answers(self) -> Iterator[Trace]:
        """Play episodes in which a reference is written, where that is known, and then random ones."""
        for seed in self.seeds():
            trace = self.trace()
            trace.reset(seed)
            for token in self._reference(trace):
                if not trace.ended:
                    trace.step(token)
            self.play(trace, np.random.default_rng(seed))
            yield trace
        yield from self.episodes()

    def _reference(self, trace: Trace) -> list[int]:
        """Return the ids of the first reference, as far as they are allowed at the start, and the eos."""
        references, mask = trace.info.get("references"), self.mask(trace)
        try:
            space, tokenizer = self.writing_space(), self.tokenizer
        except DoesNotApply:
            return []
        if not references or mask is None:
            return []
        ids = [token for token in tokenizer.encode(str(references[0])) if mask[token]][: space.max_new_tokens - 1]
        return ids if space.eos_id is None else [*ids, space.eos_id]

    def play(self, trace: Trace, rng: np.random.Generator, eos: float = 0.2, steps: int = STEPS) -> None:
        """Take allowed actions until the episode ends, at most ``steps``.

        Args:
            trace: Plays them; its episode has begun.
            rng: Draws them.
            eos: How likely the end-of-text token is where it is allowed.
            steps: The most actions.
        """
        for _ in range(steps):
            if trace.ended:
                return
            trace.step(self.choose(trace, rng, eos))

    def choose(self, trace: Trace, rng: np.random.Generator, eos: float = 0.2) -> Any:
        """Return an action that is allowed now."""
        mask, actions = self.mask(trace), trace.env.action_space
        if isinstance(actions, spaces.Discrete):
            allowed = np.arange(int(actions.n)) if mask is None else np.flatnonzero(mask)
            end = self.space.eos_id if self.space is not None and self.writes else None
            if end is not None and end in allowed:
                if len(allowed) == 1 or rng.random() < eos:
                    return end
                allowed = allowed[allowed != end]
            return int(rng.choice(allowed) + actions.start) if len(allowed) else int(actions.start)
        drawn = copy.deepcopy(actions)
        drawn.seed(int(rng.integers(2**31)))
        action = drawn.sample()
        if isinstance(actions, spaces.MultiDiscrete) and mask is not None and actions.nvec.ndim == 1:
            parts = np.split(mask, np.cumsum(actions.nvec)[:-1])
            action = np.array([rng.choice(np.flatnonzero(part)) if part.any() else 0 for part in parts])
        return action

    def mask(self, trace: Trace) -> npt.NDArray[np.bool_] | None:
        """Return what the environment allows now, None where it does not tell."""
        if trace.env.has_wrapper_attr("action_masks"):
            return np.asarray(trace.env.get_wrapper_attr("action_masks")(), dtype=bool)
        if self.space is not None and self.writes:
            return np.asarray(self.space.allowed(np.array([self.written(trace.observation)]))[0])
        return None

    def is_one_response(self, trace: Trace) -> bool:
        """Whether an episode is over in which the agent wrote one response and nobody answered."""
        if not self.writes or not trace.ended or "turns" in trace.info:
            return False
        return trace.info.get("finish") in FINISHES and self.written(trace.observation) == len(trace.actions)

    def written(self, observation: Any) -> int:
        """Return how many columns after the prompt hold a token."""
        space = self.writing_space()
        return int((observation[space.max_prompt_tokens :] >= 0).sum())


def _writes(space: TokenSpace, actions: spaces.Space[Any]) -> bool:
    """Whether an action is one of V tokens, and an observation is P + T of them and nothing else."""
    tokens = isinstance(actions, spaces.Discrete) and int(actions.n) == space.vocab_size and int(actions.start) == 0
    return tokens and space.shape == (space.max_prompt_tokens + space.max_new_tokens,)


def _copied(env: gym.Env[Any, Any]) -> gym.Env[Any, Any] | None:
    try:
        return copy.deepcopy(env)
    except Exception:  # the check of copies tells why
        return None
