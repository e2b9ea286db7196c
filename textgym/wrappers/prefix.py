"""Episodes that start after a part of a reference: random initial states, and a curriculum from the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym

from textgym.arguments import real_number, reset_options
from textgym.errors import ConfigError, DataError
from textgym.wrappers.base import Observation, TextWrapper, refuse_other_actions
from textgym.wrappers.success import SuccessRate

Share = tuple[float, float]


class StartFromPrefix(TextWrapper):
    """The first tokens of a reference are written before the agent's first action.

    Which reference, and which share of its tokens, is drawn by the environment's generator, uniformly. The agent is
    paid for its own actions only: with shaping the return is the score less that of the prefix, without it the score.
    A prefix leaves at least one token for the agent to write.

    Args:
        env: A text environment whose samples have references.
        share: The share of a reference's tokens, or the least and the greatest, in [0, 1].
    """

    def __init__(self, env: gym.Env[Any, Any], share: float | Sequence[float] = (0.0, 1.0)) -> None:
        super().__init__(env, share=share)
        refuse_other_actions(self)
        if any(isinstance(inner, StartFromPrefix) for inner in _around(env)):
            raise ConfigError(f"{type(self).__name__} goes around an environment that starts after a prefix already.")
        self.share: Share = _checked(share)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode; ``info["prefix_tokens"]`` tells how many tokens are written already.

        Args:
            seed: As for the environment.
            options: ``index``, and ``share``, which holds for this episode.
        """
        chosen = reset_options(options, "index", "share")
        low, high = _checked(chosen.pop("share")) if "share" in chosen else self.share
        observation, info = self.env.reset(seed=seed, options=chosen)
        references = info["references"]
        if not references:
            raise DataError(f"Sample {info['index']} has no reference whose beginning could be written.")
        rng = self.np_random
        ids = self.episodes.tokenizer.encode(references[int(rng.integers(len(references)))])
        wanted = round(float(rng.uniform(low, high)) * len(ids))
        prefix = self._kept(ids[: min(wanted, self.episodes.space.max_new_tokens - 1)])
        for token in prefix:
            observation, *_ = self.env.step(token)
        return observation, info | {"prefix_tokens": len(prefix)}

    def _kept(self, ids: list[int]) -> list[int]:
        """Return the ids before the first that would end the episode or may not be written."""
        matched = 0
        for k, token in enumerate(ids):
            matched = self.episodes.space.stop.follow([token], matched)
            if self.episodes.ends(token, matched, k + 1) or self.episodes.refused(token, k):
                return ids[:k]
        return ids


class BackwardCurriculum(StartFromPrefix):
    """A curriculum from the end: nearly all of a reference is written at first, less whenever that succeeds.

    The share starts at ``1 - stride`` and falls by ``stride`` when the mean success of ``window`` episodes reaches
    ``threshold`` (Salimans and Chen, 2018, who moved the start of a game back along a demonstration).

    Args:
        env: A text environment whose samples have references.
        stride: By how much the share falls, in (0, 1].
        threshold: The mean success that suffices.
        window: Episodes over which it is taken.
        succeeds_at: The score from which an episode is a success.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        stride: float = 0.1,
        threshold: float = 0.8,
        window: int = 50,
        succeeds_at: float = 1.0,
    ) -> None:
        if not 0.0 < real_number("stride", stride) <= 1.0:
            raise ConfigError(f"stride must lie in (0, 1], got {stride}.")
        gym.utils.RecordConstructorArgs.__init__(
            self, stride=stride, threshold=threshold, window=window, succeeds_at=succeeds_at
        )
        super().__init__(env, 1.0 - stride)
        self.stride = float(stride)
        self.success = SuccessRate(threshold, window, succeeds_at)

    def step(self, action: Any) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Write a token; at the end ``info["share"]`` tells which share this episode was given."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            info["share"] = self.share[0]
            if self.success.record(info) and self.share[0] > 0.0:
                self.share = _checked(max(0.0, round(self.share[0] - self.stride, 9)))
        return observation, reward, terminated, truncated, info

    def own_state(self) -> dict[str, Any]:
        """Return the share and the successes."""
        return {"share": self.share[0], "successes": self.success.state()}

    def set_own_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`own_state` gave."""
        self.share = _checked(state["share"])
        self.success.set_state(state["successes"])


def _around(env: gym.Env[Any, Any]) -> Iterator[gym.Env[Any, Any]]:
    """Yield an environment and all those inside of it."""
    yield env
    while isinstance(env, gym.Wrapper):
        env = env.env
        yield env


def _checked(share: Any) -> Share:
    low, high = (share, share) if not isinstance(share, (list, tuple)) or len(share) != 2 else share
    low, high = real_number("share", low), real_number("share", high)
    if not 0.0 <= low <= high <= 1.0:
        raise ConfigError(f"share must be a number in [0, 1], or two in ascending order, got {share!r}.")
    return low, high
