"""What a policy scores that draws every token uniformly from those that are allowed, found by playing it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from textgym.arguments import whole_number
from textgym.errors import ConfigError
from textgym.lookup import episodes_of


class Estimate(NamedTuple):
    """A mean and its standard error, which is 0 where the mean is exact."""

    mean: float
    error: float


def uniform_return(thing: Any, episodes: int = 2_000, seed: int = 0) -> Estimate:
    """Return the mean undiscounted return of a policy that draws uniformly from the allowed tokens.

    Prompts are drawn uniformly with replacement, as the environment draws them, one for each episode.

    Args:
        thing: A text environment, a task, or the name of one.
        episodes: How many are played, at least 2.
        seed: Of the generator that draws prompts and tokens; the same seed gives the same figure.
    """
    played = episodes_of(thing)
    count, T = whole_number("episodes", episodes), played.space.max_new_tokens
    if count < 2:
        raise ConfigError(f"A standard error needs at least 2 episodes, got {count}.")
    if played.space.stop:
        raise ConfigError("A uniform policy is not simulated with stop strings: leave stop=... out.")
    rng = np.random.default_rng(seed)
    samples = [played.draw(rng).sample for _ in range(count)]
    columns = [rng.choice(np.flatnonzero(allowed), count) for allowed in played.space.allowed(np.arange(T))]
    tokens = np.stack(columns, axis=1)
    said = tokens == played.eos
    lengths = np.where(said.any(axis=1), said.argmax(axis=1) + 1, T)
    responses = [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
    returns = played.judge(responses, samples).scores - played.missing_eos_penalty * ~said.any(axis=1)
    return Estimate(float(returns.mean()), float(returns.std(ddof=1) / np.sqrt(count)))
