"""The samples of a split, put to a policy: each once, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import gymnasium as gym
import torch
from torch import Tensor

from textgym import Reward, Sample
from textgym.episodes import Episodes
from textgym.errors import ConfigError, DataError
from textgym.responses import pack_prompts
from textgym.vector import TextGenerationVectorEnv

OWN_ARGUMENTS = {"num_envs": "batch_size", "autoreset_mode": "nothing", "task": "another environment id"}


class Text(NamedTuple):
    """A response as text, its tokens with the eos, and how it ended: "eos", "stop" or "length"."""

    response: str
    length: int
    finish: str


class HeldOut:
    """The samples that a policy is to answer; with ``overlong="drop"``, those that fit.

    Args:
        env: A registered environment id.
        split: Which samples.
        num_samples: Only the first so many; None for all.
        env_kwargs: Of the environment.

    Raises:
        ConfigError: ``num_samples`` is not positive, or an argument is none of the environment's.
        DataError: No prompt fits.
    """

    def __init__(self, env: str, split: str, num_samples: int | None, env_kwargs: Mapping[str, Any]) -> None:
        if num_samples is not None and num_samples < 1:
            raise ConfigError(f"num_samples must be at least 1, got {num_samples}.")
        for name in env_kwargs.keys() & OWN_ARGUMENTS.keys():
            raise ConfigError(f"An evaluation sets {name} itself: use {OWN_ARGUMENTS[name]} in its place.")
        self.env_id = env
        lanes = cast(TextGenerationVectorEnv, gym.make_vec(env, num_envs=1, split=split, **env_kwargs))
        if not lanes.whole_responses:
            raise ConfigError(
                f"{env} is a dialogue, in which a policy does not answer once: use agents.swap_test, or textgym eval "
                "--simulator NAME."
            )
        self.episodes: Episodes = lanes.episodes
        fitting = [i for i in range(lanes.num_samples) if self.episodes.overlong != "drop" or self.episodes.fits(i)]
        if not fitting:
            raise DataError(
                f"No prompt of the split {split!r} of {env} has at most max_prompt_tokens="
                f"{self.episodes.space.max_prompt_tokens} tokens: raise it, or pass overlong='truncate'."
            )
        self.indices = fitting[:num_samples]
        registered = {} if lanes.spec is None else lanes.spec.kwargs
        self._reward_spec = registered.get("reward")

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The samples, in the order in which they are put."""
        return tuple(self.episodes.samples[i] for i in self.indices)

    @property
    def reward(self) -> Reward:
        """The environment's own."""
        return self.episodes.reward

    @property
    def reward_spec(self) -> Any:
        """What the environment's reward was made from."""
        return self.episodes.task.reward if self._reward_spec is None else self._reward_spec

    def prompts(self, rows: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the prompts in batches of at most ``rows``, int32 [B, P], padded on the left with -1; and their places.

        The places, int64 [B], count from 0 over all batches.
        """
        P = self.episodes.space.max_prompt_tokens
        for first in range(0, len(self.indices), rows):
            starts = [self.episodes.start(i) for i in self.indices[first : first + rows]]
            places = torch.arange(first, first + len(starts), device=device)
            yield torch.as_tensor(pack_prompts(starts, P).ids, device=device), places

    def texts(self, responses: Tensor) -> list[Text]:
        """Return responses [N, T], padded on the right with -1, as text."""
        rows = [row[row >= 0].tolist() for row in responses.cpu().numpy()]
        texts = self.episodes.decode(rows)
        stop = self.episodes.space.stop
        finishes = [self.episodes.finish(row[-1], stop.follow(row)) for row in rows]
        return [Text(text, len(row), how) for text, row, how in zip(texts, rows, finishes, strict=True)]
