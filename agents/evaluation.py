"""Scores of a policy on held-out samples: each sample once, with signatures and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.models import TextNetwork
from agents.policy import TransformerPolicy
from agents.rollout import generate
from agents.subject import subject_of
from textgym import Reward, Sample, make_reward
from textgym.errors import ConfigError
from textgym.responses import pack_prompts
from textgym.statistics import bootstrap_interval
from textgym.vector import TextGenerationVectorEnv


@dataclass(frozen=True)
class Score:
    """One metric on all samples, on the scale that its tool prints; intervals are 95% percentile bootstraps."""

    name: str
    corpus: float
    corpus_interval: tuple[float, float]
    corpus_signature: str
    sentence: float
    sentence_interval: tuple[float, float]
    signature: str


@dataclass(frozen=True)
class Report:
    """What :func:`evaluate` found.

    Attributes:
        env_id: The environment.
        split: Of its samples.
        mode: "greedy", or "sampled at temperature ...".
        scores: One for each reward.
        samples: What was played, in the order of ``responses``.
        responses: One for each sample.
        mean_length: Tokens per response, eos included.
        ended: The share of responses that ended by themselves, with eos or a stop string.
        seed: Of the sampling and the bootstrap.
    """

    env_id: str
    split: str
    mode: str
    scores: tuple[Score, ...]
    samples: tuple[Sample, ...]
    responses: tuple[str, ...]
    mean_length: float
    ended: float
    seed: int

    def __getitem__(self, name: str) -> Score:
        return next(score for score in self.scores if score.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the texts as JSON values."""
        plain = asdict(self)
        return {k: v for k, v in plain.items() if k not in ("samples", "responses")} | {"count": len(self.responses)}


def evaluate(
    policy: BaseAlgorithm | TransformerPolicy | str | Path,
    env: str,
    rewards: Sequence[Any] | None = None,
    *,
    split: str = "test",
    num_samples: int | None = None,
    deterministic: bool = True,
    seed: int = 0,
    batch_size: int = 250,
    device: torch.device | str = "auto",
    **env_kwargs: Any,
) -> Report:
    """Let a policy answer each sample of a split once, and score the responses.

    Args:
        policy: An algorithm, a policy, the folder of a checkpoint, or a plain Hugging Face folder or hub name.
        env: A registered environment id.
        rewards: Metrics, as ``textgym.make_reward`` takes them; the environment's own by default.
        split: Which samples.
        num_samples: Only the first so many.
        deterministic: Greedy; otherwise sampled from the policy's distribution.
        seed: Of the sampling and of the bootstrap.
        batch_size: Responses per batch.
        device: For a policy that is loaded here.
        env_kwargs: For the environment; by default its lengths and tokenizer are the policy's.
    """
    if num_samples is not None and num_samples < 1:
        raise ConfigError(f"num_samples must be at least 1, got {num_samples}.")
    subject = subject_of(policy, device)
    lanes = cast(
        TextGenerationVectorEnv, gym.make_vec(env, num_envs=1, split=split, **(subject.env_kwargs | env_kwargs))
    )
    indices = [i for i in range(lanes.num_samples) if lanes.episodes.overlong != "drop" or lanes.episodes.fits(i)]
    indices = indices[:num_samples]
    network = subject.network_for(lanes.episodes.space)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        responses, lengths, finishes = _respond(network, lanes, indices, deterministic, batch_size)
    samples = tuple(lanes.episodes.samples[i] for i in indices)
    judges = [lanes.episodes.reward] if rewards is None else [make_reward(spec) for spec in rewards]
    return Report(
        env_id=env,
        split=split,
        mode="greedy" if deterministic else f"sampled at temperature {network.temperature:g}",
        scores=tuple(score_responses(judge, responses, samples, seed) for judge in judges),
        samples=samples,
        responses=tuple(responses),
        mean_length=float(np.mean(lengths)),
        ended=float(np.mean([finish != "length" for finish in finishes])),
        seed=seed,
    )


def score_responses(reward: Reward, responses: Sequence[str], samples: Sequence[Sample], seed: int = 0) -> Score:
    """Return the corpus score and the mean sentence score of responses, with 95% bootstrap intervals."""
    sentences = np.asarray(reward(responses, samples), dtype=np.float64)[:, None]
    statistics = reward.statistics(responses, samples)
    corpus = float(reward.aggregate(statistics.sum(axis=0), len(responses)))
    corpus_interval = bootstrap_interval(statistics, reward.aggregate, np.random.default_rng(seed))
    sentence_interval = bootstrap_interval(
        sentences, lambda totals, count: totals[..., 0] / count, np.random.default_rng(seed)
    )
    scale = reward.scale
    return Score(
        name=reward.name,
        corpus=scale * corpus,
        corpus_interval=(scale * corpus_interval[0], scale * corpus_interval[1]),
        corpus_signature=reward.corpus_signature,
        sentence=scale * float(sentences.mean()),
        sentence_interval=(scale * sentence_interval[0], scale * sentence_interval[1]),
        signature=reward.signature,
    )


def _respond(
    network: TextNetwork, lanes: TextGenerationVectorEnv, indices: list[int], deterministic: bool, batch_size: int
) -> tuple[list[str], list[int], list[str]]:
    """Return the responses to the given samples as text, their lengths in tokens, and how they ended."""
    texts: list[str] = []
    lengths: list[int] = []
    finishes: list[str] = []
    device = network.value_head.weight.device
    for first in range(0, len(indices), batch_size):
        starts = [lanes.episodes.start(i) for i in indices[first : first + batch_size]]
        prompts = torch.as_tensor(pack_prompts(starts, network.space.max_prompt_tokens).ids, device=device)
        ids = generate(network, prompts, deterministic=deterministic).responses.cpu().numpy()
        rows = [row[row >= 0].tolist() for row in ids]
        texts.extend(lanes.episodes.decode(rows))
        lengths.extend(len(row) for row in rows)
        finishes.extend(lanes.episodes.finish(row[-1], network.space.stop.follow(row)) for row in rows)
    return texts, lengths, finishes
