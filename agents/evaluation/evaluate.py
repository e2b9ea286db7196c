"""Scores of a policy on held-out samples: each sample once, with signatures and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.evaluation.held_out import HeldOut, Text
from agents.evaluation.report import Report, Score
from agents.evaluation.scoring import score_responses
from agents.evaluation.subject import subject_of
from agents.models.decoding import BestOf, Decoding, Greedy, Sampled, make_decoding
from agents.models.network import TextNetwork
from agents.models.random_numbers import new_key
from agents.parallel.processes import current
from agents.policy import TransformerPolicy
from textgym import Reward, Sample, make_reward
from textgym.errors import ConfigError
from textgym.rewards.judge import judge

Judges = list[tuple[Reward, Any]]  # metrics, and what each was made from


def evaluate(
    policy: BaseAlgorithm | TransformerPolicy | str | Path,
    env: str,
    rewards: Sequence[Any] | None = None,
    *,
    split: str = "test",
    num_samples: int | None = None,
    decoding: Decoding | str | None = None,
    deterministic: bool | None = None,
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
        decoding: ``"greedy"`` (the default), ``"sampled"``, ``"sampled(temperature=0.7)"``, ``"beam(num_beams=4,
            length_penalty=1.0)"``, ``"best_of(n=8, reward='chrf')"``, or one of ``agents.models.decoding``. Best of
            n chooses by the environment's reward unless told otherwise; the report says who chose, and has the scores
            of all n samples as ``pool``.
        deterministic: True is greedy and False sampled, in the manner of Stable-Baselines3; in place of ``decoding``.
        seed: Of the sampling and of the bootstrap.
        batch_size: Responses that are written at a time; a prompt takes one for each beam or sample.
        device: For a policy that is loaded here.
        env_kwargs: For the environment; by default its lengths and tokenizer are the policy's.

    Raises:
        ConfigError: An argument cannot work, or the policy was made for another kind of environment.
        RewardError: A metric broke its contract.
    """
    asked = _decoding(decoding, deterministic)
    subject = subject_of(policy, device)
    held_out = HeldOut(env, split, num_samples, subject.env_kwargs | env_kwargs)
    network = subject.network_for(held_out.episodes.space)
    judges = _judges(rewards, held_out)
    chooser = _chooser(asked, held_out)
    with torch.random.fork_rng(), current().whole(network):
        torch.manual_seed(seed)
        texts = _written(asked, network, held_out, batch_size)
    mode = asked.described(network)
    if chooser is None:
        return _report(held_out, texts, judges, seed, mode=mode)
    chosen, pool = _best(chooser, texts, held_out.samples), _pool(judges, texts, held_out.samples, seed)
    mode = f"{mode}, chosen by {chooser.name}"
    return _report(held_out, chosen, judges, seed, mode=mode, selected_by=chooser.signature, pool=pool)


def _decoding(decoding: Decoding | str | None, deterministic: bool | None) -> Decoding:
    if decoding is None:
        return Sampled() if deterministic is False else Greedy()
    if deterministic is not None:
        raise ConfigError(f"deterministic={deterministic} and decoding={decoding!r} say the same thing: give one.")
    return make_decoding(decoding)


def _judges(rewards: Sequence[Any] | None, held_out: HeldOut) -> Judges:
    if rewards is None:
        return [(held_out.reward, held_out.reward_spec)]
    if isinstance(rewards, str) or not rewards:
        raise ConfigError(f"rewards is a list of at least one metric, such as ['bleu'], or None, got {rewards!r}.")
    return [(make_reward(spec), spec) for spec in rewards]


def _chooser(decoding: Decoding, held_out: HeldOut) -> Reward | None:
    """Return the reward that chooses among several responses to a prompt; None where there is only one."""
    if not isinstance(decoding, BestOf):
        return None
    return held_out.reward if decoding.reward is None else make_reward(decoding.reward)


def _written(decoding: Decoding, network: TextNetwork, held_out: HeldOut, batch_size: int) -> list[Text]:
    """Return what the policy wrote, G texts for each prompt in succession; several processes share the prompts."""
    rows = max(1, batch_size // decoding.rows_per_prompt)
    key = new_key()  # one for all batches, whose size, and who writes them, then changes nothing
    mine = current().mine(-(-len(held_out.indices) // rows))
    batches = islice(held_out.prompts(rows, network.device), mine.start, mine.stop)
    written = (decoding.write(network, prompts, places, key) for prompts, places in batches)
    own = [tuple(text) for responses in written for text in held_out.texts(responses)]
    return [Text(*text) for text in chain.from_iterable(current().values(own))]


def _best(chooser: Reward, texts: Sequence[Text], samples: Sequence[Sample]) -> list[Text]:
    """Return the text that ``chooser`` likes best for each sample, the first of equals."""
    group = len(texts) // len(samples)
    scores = judge(chooser, [text.response for text in texts], _repeated(samples, group))
    return [texts[i * group + best] for i, best in enumerate(scores.reshape(-1, group).argmax(axis=1))]


def _pool(judges: Judges, texts: Sequence[Text], samples: Sequence[Sample], seed: int) -> tuple[Score, ...]:
    """Return the scores of all texts, several for each sample."""
    group = len(texts) // len(samples)
    responses, repeated = [text.response for text in texts], _repeated(samples, group)
    return tuple(
        replace(score_responses(one, responses, repeated, seed, group=group, spec=spec), sentences=())
        for one, spec in judges
    )


def _repeated(samples: Sequence[Sample], group: int) -> list[Sample]:
    return [sample for sample in samples for _ in range(group)]


def _report(held_out: HeldOut, texts: Sequence[Text], judges: Judges, seed: int, **more: Any) -> Report:
    """Return the report of one text for each sample."""
    responses, samples = tuple(text.response for text in texts), held_out.samples
    return Report(
        env_id=held_out.env_id,
        split=held_out.episodes.split,
        scores=tuple(score_responses(one, responses, samples, seed, spec=spec) for one, spec in judges),
        samples=samples,
        responses=responses,
        mean_length=float(np.mean([text.length for text in texts])),
        ended=float(np.mean([text.finish != "length" for text in texts])),
        seed=seed,
        indices=tuple(held_out.indices),
        lengths=tuple(text.length for text in texts),
        finishes=tuple(text.finish for text in texts),
        judges=tuple(one for one, _ in judges),
        **more,
    )
