"""The native vector environment against Gymnasium's SyncVectorEnv over single environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

import textgym
from benchmarks.throughput.comparison import Comparison
from benchmarks.throughput.timing import interleaved
from benchmarks.throughput.workload import WORDS, arguments
from textgym.env import TextGenerationEnv
from textgym.vector import TextGenerationVectorEnv

LANES, PROMPT, RESPONSE = 256, 64, 64
EPISODES = 4  # in one measurement


def compare(reward: str | None, repeats: int) -> Comparison:
    """Step both with the same random actions; ``reward`` None costs nothing.

    Both have met every sample before, as a run of learning soon has: prompts are encoded and references prepared once.
    """
    options = arguments(PROMPT, RESPONSE, None if reward is None else textgym.make_reward(reward))
    _meet(options)
    native = TextGenerationVectorEnv(num_envs=LANES, **options)
    single: Callable[[], gym.Env[Any, Any]] = lambda: TextGenerationEnv(**options)  # noqa: E731
    sync = gym.vector.SyncVectorEnv([single] * LANES)
    steps = EPISODES * (RESPONSE + 1)  # both reset an ended lane in a step of its own
    actions = np.random.default_rng(0).integers(WORDS, size=(steps, LANES))
    variants = {name: _stepper(env, actions) for name, env in (("ours", native), ("theirs", sync))}
    seconds = interleaved(variants, repeats)
    return Comparison(
        name=f"environment steps, reward {reward or 'free'}",
        setting=f"{LANES} lanes, {PROMPT} + {RESPONSE} tokens",
        other="gymnasium SyncVectorEnv",
        unit="steps",
        work=steps * LANES,
        target=None if reward else 10.0,
        **seconds,  # type: ignore[arg-type]
    )


def _meet(options: dict[str, Any]) -> None:
    env = TextGenerationEnv(**options)
    samples = env.episodes.samples
    for index in range(len(samples)):
        env.reset(options={"index": index})
    env.episodes.reward([""] * len(samples), samples)


def _stepper(env: gym.vector.VectorEnv[Any, Any, Any], actions: np.ndarray[Any, Any]) -> Callable[[], None]:
    env.reset(seed=0)

    def play() -> None:  # which ends where it began, at the start of an episode
        for row in actions:
            env.step(row)

    return play
