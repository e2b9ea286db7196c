"""A policy in dialogues with one simulated user and with another: what it learned of the user, and what of the task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium.envs.registration import load_env_creator
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.evaluation.subject import subject_of
from agents.models.conversation import converse
from agents.models.decoding import Greedy, Sampled
from agents.models.network import TextNetwork
from agents.models.random_numbers import new_key
from agents.policy import TransformerPolicy
from textgym.arguments import seed_number, whole_number
from textgym.core import FloatArray
from textgym.dialogue.episodes import DialogueEpisodes
from textgym.dialogue.lanes import DialogueLanes
from textgym.dialogue.vector import DialogueVectorEnv
from textgym.errors import ConfigError
from textgym.simulators.base import fresh_seed
from textgym.statistics import mean_interval

MANAGED = {"simulator", "split", "num_envs"}  # arguments of the environment that the comparison gives
MEASURES = ("score", "success", "slots", "turns", "length")


class Mean(NamedTuple):
    """A mean over dialogues with its 95% percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class DialogueScores:
    """How a policy does with one user.

    Attributes:
        simulator: The user's signature.
        means: Of the score, success, slots, the agent's turns, and its tokens.
        difference: The mean difference of the scores from those with the first user, on the same samples; None for
            the first.
        finishes: How many dialogues ended for each reason.
        transcripts: What was said in each.
    """

    simulator: str
    means: dict[str, Mean]
    difference: Mean | None
    finishes: dict[str, int]
    transcripts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SwapReport:
    """What :func:`swap_test` found.

    Attributes:
        env_id: The environment.
        split: Of its task.
        count: How many samples were played with each user.
        mode: How the policy answered, such as "greedy" or "sampled at temperature 1".
        seed: Of the users, the sampling and the bootstrap.
        users: The scores with each user, in the order given.
    """

    env_id: str
    split: str
    count: int
    mode: str
    seed: int
    users: tuple[DialogueScores, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything but the transcripts as JSON values."""
        told = asdict(self)
        told["users"] = [{name: user[name] for name in user if name != "transcripts"} for user in told["users"]]
        return told

    def to_text(self) -> str:
        """Return a table with a line for each user."""
        header = [self.mode, *MEASURES, "score less the first's"]
        lines = [
            [user.simulator, *(str(user.means[name]) for name in MEASURES), str(user.difference or "")]
            for user in self.users
        ]
        widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
        rows = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *lines)
        ]
        intro = f"{self.count:,} dialogues of {self.env_id}, split {self.split!r}; 95% bootstrap intervals"
        return "\n".join([intro, "", *(row.rstrip() for row in rows)])


def swap_test(
    policy: BaseAlgorithm | TransformerPolicy | str | Path,
    env: str,
    simulators: Sequence[Any],
    *,
    split: str = "test",
    num_samples: int | None = None,
    deterministic: bool = True,
    seed: int = 0,
    batch_size: int = 64,
    device: torch.device | str = "auto",
    **env_kwargs: Any,
) -> SwapReport:
    """Let a policy talk about each sample of a split once with each of several users, and compare.

    Name the user of the training first: a policy that is much worse with the others has learned that user's ways.

    Args:
        policy: As for :func:`agents.evaluate`.
        env: The id of an environment of dialogues.
        simulators: Users, as ``textgym.make_simulator`` takes them; at least one.
        split: Which samples.
        num_samples: Only the first so many.
        deterministic: True takes the likeliest token, False samples.
        seed: Of the users (each sample's depends on it and on the sample's index), the sampling and the bootstrap.
        batch_size: Dialogues at a time.
        device: For a policy that is loaded here.
        env_kwargs: For the environment; by default its lengths and tokenizer are the policy's.

    Raises:
        ConfigError: An argument cannot work, or the environment has no dialogues.
    """
    if isinstance(simulators, str) or not isinstance(simulators, Sequence) or not simulators:
        raise ConfigError(f"simulators is a list of at least one user, such as ['rule'], got {simulators!r}.")
    if num_samples is not None and whole_number("num_samples", num_samples) < 1:
        raise ConfigError(f"num_samples must be at least 1, got {num_samples}.")
    if whole_number("batch_size", batch_size) < 1 or seed_number(seed) is None:
        raise ConfigError(f"batch_size must be at least 1 and seed a whole number, got {batch_size} and {seed}.")
    for name in MANAGED & env_kwargs.keys():
        raise ConfigError(f"{name}= is set by the comparison itself: leave it out, users go into simulators.")
    subject = subject_of(policy, device)
    users: list[DialogueScores] = []
    first: FloatArray | None = None
    for simulator in simulators:
        episodes = _episodes(env, subject.env_kwargs | env_kwargs | {"simulator": simulator, "split": split})
        network = subject.network_for(episodes.space)
        ends = _play(network, episodes, num_samples, deterministic, seed, batch_size)
        scores = np.array([end["score"] for end in ends])
        users.append(_summed_up(episodes.simulator.signature, ends, scores, first, seed))
        first = scores if first is None else first
    mode = (Greedy() if deterministic else Sampled()).described(network)
    return SwapReport(env, split, len(users[0].transcripts), mode, seed, tuple(users))


def _episodes(env: str, arguments: dict[str, Any]) -> DialogueEpisodes:
    entry_point = gym.spec(env).vector_entry_point
    made = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    if not (isinstance(made, type) and issubclass(made, DialogueVectorEnv)):
        raise ConfigError(f"{env} has no dialogues, so that no user can be swapped: evaluate it with agents.evaluate.")
    return cast(DialogueVectorEnv, gym.make_vec(env, num_envs=1, **arguments)).episodes


def _play(
    network: TextNetwork,
    episodes: DialogueEpisodes,
    num_samples: int | None,
    deterministic: bool,
    seed: int,
    batch_size: int,
) -> list[dict[str, Any]]:
    """Return what the end of each sample's dialogue tells."""
    fitting = [i for i in range(len(episodes.samples)) if episodes.overlong != "drop" or episodes.fits(i)]
    indices = fitting[:num_samples]
    ends: list[dict[str, Any]] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        key = None if deterministic else new_key()  # one for all batches, whose size then changes nothing
        for k in range(0, len(indices), batch_size):
            ends += _talk(network, episodes, indices[k : k + batch_size], key, seed)
    return ends


def _talk(
    network: TextNetwork, episodes: DialogueEpisodes, indices: list[int], key: int | None, seed: int
) -> list[dict[str, Any]]:
    """Play some samples side by side, each to its end; greedily where there is no key of random numbers."""
    lanes = DialogueLanes(episodes, len(indices))
    openings = [fresh_seed(np.random.default_rng((seed, index))) for index in indices]
    lanes.start(lanes.all, episodes.open([episodes.start(index) for index in indices], openings))
    numbers = torch.tensor(indices, device=network.device)
    _, scores = converse(network, lanes, deterministic=key is None, numbers=numbers, key=key)
    return [{name: values[row] for name, values in scores.infos.items()} for row in range(len(indices))]


def _summed_up(
    simulator: str, ends: list[dict[str, Any]], scores: FloatArray, first: FloatArray | None, seed: int
) -> DialogueScores:
    means = {name: _mean(np.array([end[name] for end in ends], dtype=np.float64), seed) for name in MEASURES}
    difference = None if first is None else _mean(scores - first, seed)
    finishes = dict(sorted(Counter(end["finish"] for end in ends).items()))
    return DialogueScores(simulator, means, difference, finishes, tuple(tuple(end["transcript"]) for end in ends))


def _mean(values: FloatArray, seed: int) -> Mean:
    return Mean(float(values.mean()), *mean_interval(values, np.random.default_rng(seed)))
