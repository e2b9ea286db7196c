"""How sure a policy is of its words, and how far it has moved from the policy that it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor

from agents.evaluation.held_out import HeldOut
from agents.evaluation.subject import subject_of
from agents.models.decoding import BestOf, Decoding, make_decoding
from agents.models.distribution import entropy
from agents.models.network import TextNetwork
from agents.models.random_numbers import new_key
from agents.policy import TransformerPolicy
from textgym.core import FloatArray
from textgym.errors import ConfigError
from textgym.statistics import bootstrap_interval

LARGEST_PASS = 2**22  # probabilities that exist at a time: 16 MB in float32


class Mean(NamedTuple):
    """A mean over held-out prompts, in nats, with its 95% percentile bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Drift:
    """What :func:`measure_drift` found, in nats.

    Attributes:
        env_id: The environment.
        split: Of its samples.
        mode: How the responses were written along which it was measured.
        count: How many.
        mean_length: Tokens per response, eos included.
        entropy_per_token: Of the policy's distribution, over all tokens of all responses.
        kl_per_token: From the policy to the reference, over the same.
        kl_per_response: The sum over a response's tokens, over all responses. For responses that were sampled at the
            policy's own temperature it estimates KL(policy || reference) of whole responses without bias.
        seed: Of the sampling and the bootstrap.
    """

    env_id: str
    split: str
    mode: str
    count: int
    mean_length: float
    entropy_per_token: Mean
    kl_per_token: Mean
    kl_per_response: Mean
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


def measure_drift(
    policy: BaseAlgorithm | TransformerPolicy | str | Path,
    reference: BaseAlgorithm | TransformerPolicy | str | Path,
    env: str,
    *,
    split: str = "validation",
    num_samples: int | None = None,
    decoding: Decoding | str = "sampled",
    seed: int = 0,
    batch_size: int = 250,
    device: torch.device | str = "auto",
    **env_kwargs: Any,
) -> Drift:
    """Measure entropy and KL divergence along the responses that a policy writes to held-out prompts.

    At each token of a response both are computed from the whole distribution of the next token, not from the token that
    was drawn: sum_t KL(policy(. | s_t) || reference(. | s_t)) over a sampled response has the mean of its log-ratio,
    and less variance. Along greedy responses it tells how sharp the policy is where it is surest.

    Args:
        policy: As for :func:`agents.evaluate`.
        reference: The policy from which it started; of the same vocabulary and lengths.
        env: A registered environment id.
        split: Which samples.
        num_samples: Only the first so many.
        decoding: How the responses are written; see :func:`agents.evaluate`.
        seed: Of the sampling and of the bootstrap.
        batch_size: Responses at a time.
        device: For policies that are loaded here.
        env_kwargs: For the environment; by default its lengths and tokenizer are the policy's.

    Raises:
        ConfigError: An argument cannot work, or one of the policies was made for another kind of environment.
    """
    asked = make_decoding(decoding)
    if isinstance(asked, BestOf):
        raise ConfigError("Drift is measured along what a policy writes by itself: a best of n is chosen by a reward.")
    subject = subject_of(policy, device)
    held_out = HeldOut(env, split, num_samples, subject.env_kwargs | env_kwargs)
    space = held_out.episodes.space
    network, origin = subject.network_for(space), subject_of(reference, device).network_for(space)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        key = new_key()  # one for all batches, whose size then changes nothing
    batches = held_out.prompts(max(1, batch_size // asked.rows_per_prompt), network.device)
    parts = [along_responses(network, origin, ids, asked.write(network, ids, places, key)) for ids, places in batches]
    lengths, entropies, divergences = np.concatenate(parts, axis=1)
    return Drift(
        env_id=env,
        split=split,
        mode=asked.described(network),
        count=len(lengths),
        mean_length=float(lengths.mean()),
        entropy_per_token=_ratio(entropies, lengths, seed),
        kl_per_token=_ratio(divergences, lengths, seed),
        kl_per_response=_ratio(divergences, np.ones_like(lengths), seed),
        seed=seed,
    )


@torch.no_grad()
def along_responses(
    network: TextNetwork, origin: TextNetwork, prompts: Tensor, responses: Tensor
) -> npt.NDArray[np.float64]:
    """Return length, summed entropy and summed KL of each response, float64 [3, B].

    Args:
        network: The policy's network.
        origin: The reference's.
        prompts: int [B, P], padded on the left with -1.
        responses: int [B, T], padded on the right with -1.
    """
    own = responses >= 0
    arguments = prompts.long(), responses.long(), own
    both = [(one, one.own_states(*arguments)) for one in (network, origin)]
    sums = torch.zeros(2, *own.shape, dtype=torch.float64, device=own.device)
    found = [
        torch.stack(
            _entropy_and_kl(*(one.log_distribution(states[part], before[part]) for one, (states, before) in both))
        )
        for part in _passes(int(own.sum()), network.space.vocab_size)
    ]
    sums[:, own] = torch.cat(found, dim=1).double()
    total = torch.cat([own.sum(dim=1, dtype=torch.float64)[None], sums.sum(dim=2)])
    result: npt.NDArray[np.float64] = total.cpu().numpy()
    return result


def _entropy_and_kl(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the entropy of the policy's next token and its KL to the reference's, float32 [N], from [N, V] each."""
    difference = (ours - theirs).masked_fill(ours.isneginf(), 0.0)  # what is forbidden to both counts nothing
    return entropy(ours), (ours.exp() * difference).sum(dim=-1)


def _passes(count: int, vocab_size: int) -> Iterator[slice]:
    step = max(1, LARGEST_PASS // vocab_size)
    for first in range(0, count, step):
        yield slice(first, first + step)


def _ratio(sums: FloatArray, counts: FloatArray, seed: int) -> Mean:
    """Return the mean per count, with an interval over prompts."""
    rows = np.stack([sums, counts], axis=1)
    interval = bootstrap_interval(rows, lambda totals, _: totals[:, 0] / totals[:, 1], np.random.default_rng(seed))
    return Mean(float(sums.sum() / counts.sum()), *interval)
