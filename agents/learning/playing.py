"""A rollout of whole episodes: a policy answers prompts, or talks with users, and the environment judges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from agents.learning.buffer import Experience
from agents.models.branch import Branch
from agents.models.conversation import converse
from agents.models.network import TextNetwork
from agents.models.random_numbers import in_groups
from agents.models.rollout import Rollout, generate
from agents.vec_env import TextVecEnv
from textgym.dialogue.vector import DialogueVectorEnv
from textgym.errors import ConfigError
from textgym.responses import Scores


class Episodes(NamedTuple):
    """Whole episodes that a policy wrote.

    Attributes:
        experience: What was read, written and thought.
        scores: What the environment paid and told.
    """

    experience: Experience
    scores: Scores

    def positions(self) -> Iterator[tuple[int, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]:
        """Yield each column with own tokens, which episodes have one there, and which end with it: bool [N] each."""
        own = self.experience.own
        last = own.shape[1] - 1 - own[:, ::-1].argmax(axis=1)
        for k in np.flatnonzero(own.any(axis=0)).tolist():
            yield k, own[:, k], last == k


def play(
    network: TextNetwork,
    lanes: TextVecEnv,
    count: int,
    responses_per_prompt: int = 1,
    slots: int | None = None,
    branch: Branch | None = None,
    *,
    critic: bool = True,
    first_lane: int = 0,
    lanes_in_all: int | None = None,
    key: int | None = None,
) -> Episodes:
    """Let a policy play ``count`` episodes, ``responses_per_prompt`` of them from each start.

    Args:
        network: The policy's.
        lanes: At the starts of their episodes, or they are reset.
        count: A multiple of the number of lanes times ``responses_per_prompt``.
        responses_per_prompt: G.
        slots: How many responses are written at once; None, and in dialogues, all.
        branch: The reference policy, where it writes beside the policy.
        critic: Whether the values after truncated episodes will be used.
        first_lane: The number of the first of these lanes among those of all processes.
        lanes_in_all: How many lanes all processes have; None: there is one process.
        key: Of the rollout's random numbers, the same in all processes; None draws it from torch's generator. With it
            what a lane says depends neither on the number of processes nor on which of them it is in.
    """
    P = lanes.venv.episodes.space.max_prompt_tokens
    if (lanes.venv.observations()[:, P:] >= 0).any():
        lanes.reset()  # somebody else stepped them, as evaluate_policy(model, model.get_env()) does
    last_values = critic and lanes.venv.episodes.on_length == "truncate"
    starts = count // responses_per_prompt
    numbers = _numbers(starts, lanes.num_envs, first_lane, lanes_in_all).to(network.device)
    if isinstance(lanes.venv, DialogueVectorEnv):
        dialogues = lanes.venv.begin_dialogues(starts, responses_per_prompt)
        numbers = in_groups(numbers, responses_per_prompt)
        with _given_up(lanes):
            rollout, scores = converse(
                network, dialogues, last_values=last_values, branch=branch, numbers=numbers, key=key
            )
        lanes.venv.end_dialogues()
        return Episodes(_experience(rollout, scores, dialogues.observations.copy(), dialogues.own.copy()), scores)
    prompts = lanes.venv.begin(starts, responses_per_prompt)
    ids = torch.as_tensor(prompts.ids, device=network.device)
    with _given_up(lanes):
        rollout = generate(
            network,
            ids,
            responses_per_prompt=responses_per_prompt,
            last_values=last_values,
            slots=slots,
            branch=branch,
            numbers=numbers,
            key=key,
        )
        responses = rollout.responses.cpu().numpy().astype(np.int32)
        scores = lanes.venv.score(responses, (responses >= 0).sum(axis=1))
    observations = np.concatenate([prompts.ids.repeat(responses_per_prompt, axis=0), responses], axis=1)
    return Episodes(_experience(rollout, scores, observations, responses >= 0), scores)


@contextmanager
def _given_up(lanes: TextVecEnv) -> Iterator[None]:
    """Within, an error or an interruption ends the episodes that were begun, so that learning may go on afterwards."""
    try:
        yield
    except BaseException:
        lanes.reset()
        raise


def _numbers(starts: int, lanes: int, first_lane: int, lanes_in_all: int | None) -> torch.Tensor:
    """Return the numbers of episodes among those of all processes, int64 [starts]: round by round, in order of lanes.

    Raises:
        ConfigError: The lanes are not among all.
    """
    in_all = lanes if lanes_in_all is None else lanes_in_all
    if not 0 <= first_lane <= in_all - lanes:
        raise ConfigError(
            f"The lanes {first_lane} to {first_lane + lanes - 1} must be among lanes_in_all={in_all}, counted from 0."
        )
    rounds = torch.arange(-(-starts // lanes))[:, None]
    return (rounds * in_all + first_lane + torch.arange(lanes)).flatten()[:starts]


def _experience(
    rollout: Rollout, scores: Scores, observations: npt.NDArray[np.int32], own: npt.NDArray[np.bool_]
) -> Experience:
    beside = rollout.reference_log_probs
    return Experience(
        observations=observations,
        own=own,
        rewards=scores.rewards.astype(np.float32),
        values=rollout.values.cpu().numpy(),
        log_probs=rollout.log_probs.cpu().numpy(),
        last_values=np.where(scores.truncated, rollout.last_values.cpu().numpy(), 0).astype(np.float32),
        reference_log_probs=None if beside is None else beside.cpu().numpy(),
    )
