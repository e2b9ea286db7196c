"""Many dialogues at once with a key-value cache: what the user says is read token by token, as what was written is."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agents.models.branch import Branch
from agents.models.cache_memory import reserve_rows, without_gradients
from agents.models.network import TextNetwork
from agents.models.precision import weights_cast_once
from agents.models.random_numbers import new_key, uniform_numbers
from agents.models.record import Record, Rollout
from agents.models.slots import places
from textgym.core import IntArray
from textgym.dialogue.lanes import DialogueLanes, Played
from textgym.responses import Scores


def converse(
    network: TextNetwork,
    dialogues: DialogueLanes,
    *,
    deterministic: bool = False,
    last_values: bool = False,
    branch: Branch | None = None,
    numbers: torch.Tensor | None = None,
    key: int | None = None,
) -> tuple[Rollout, Scores]:
    """Play dialogues that were opened to their ends.

    In each pass every dialogue reads the token in its next column, whoever wrote it, so that all stand in the same
    column of the cache; those where that column is empty write it first. A dialogue that is over leaves the batch.

    Args:
        network: The policy's network.
        dialogues: At the start of their episodes, N of them.
        deterministic: Take the likeliest token instead of sampling.
        last_values: Also compute the value after dialogues that were truncated.
        branch: The reference policy, see :func:`agents.models.rollout.generate`.
        numbers: int64 [N], the number of each dialogue among those of the whole rollout; None counts from 0.
        key: Of the rollout's random numbers, below 2 ** 64; None draws it from torch's generator.

    Returns:
        What was written and thought: ``responses`` are all tokens after the prompt, the user's included, and the rest
        is 0 in columns that are not the agent's own. And what the dialogues pay and tell.

    Raises:
        ModelError: The network's numbers are not finite.
    """
    N, T = dialogues.own.shape
    uniforms = None
    if not deterministic:
        numbers = torch.arange(N, device=network.device) if numbers is None else numbers
        uniforms = uniform_numbers(new_key() if key is None else key, numbers, T)
    prompts = _tensor(network, dialogues.observations[:, : network.space.max_prompt_tokens])
    record = Record(
        N,
        T,
        network.device,
        uniforms=uniforms,
        last_values=last_values,
        reference=branch is not None,
        prompts=prompts if network.looks_back else None,
    )
    beside = nullcontext() if branch is None else branch.beside()
    with without_gradients(), weights_cast_once(network.device), beside:
        ledger = _play(network, dialogues, record)
    return record.rollout(), ledger.scores()


def _play(network: TextNetwork, dialogues: DialogueLanes, record: Record) -> _Ledger:
    P, (N, T) = network.space.max_prompt_tokens, dialogues.own.shape
    staged, hidden = network.start(_tensor(network, dialogues.observations[:, :P]))
    decoding = reserve_rows(network, staged, np.arange(N))
    ledger, rows = _Ledger(N, T), np.arange(N)
    for k in range(T):
        writing = ~dialogues.ended[rows] & (dialogues.lengths[rows] == k)
        if writing.any():
            before = hidden[_tensor(network, np.flatnonzero(writing))]
            tokens = _write(network, before, dialogues, rows[writing], record, k)
            with torch.inference_mode(
                False
            ):  # what a user or a reward makes, such as a model at its first use, is kept
                played = dialogues.play(rows[writing], tokens)
            ledger.enter(k, played)
        kept = places(~dialogues.ended[rows])
        if dialogues.ended.all() or k + 1 == T:
            break
        if kept is not None:
            decoding.select(kept)
            rows = rows[kept]
        column = dialogues.observations[rows, P + k].clip(min=0)  # an ended one that is still there reads anything
        hidden = network.advance(decoding, _tensor(network, column))
    record.responses[:N] = _tensor(network, dialogues.observations[:, P:])
    if record.wants_last_values and ledger.truncated.any():
        cut = np.flatnonzero(ledger.truncated)
        after, _ = network.current_state(_tensor(network, dialogues.observations[cut]))
        numbers = _tensor(network, cut)
        record.close(network, after, numbers, torch.ones_like(numbers, dtype=torch.bool))
    return ledger


def _tensor(network: TextNetwork, numbers: IntArray) -> torch.Tensor:
    return torch.as_tensor(numbers, device=network.device).long()


def _write(
    network: TextNetwork, hidden: torch.Tensor, dialogues: DialogueLanes, rows: IntArray, record: Record, k: int
) -> IntArray:
    """Choose the token in column k of some dialogues; return the tokens."""
    numbers, lengths = _tensor(network, rows), _tensor(network, dialogues.turn_lengths[rows])
    if network.looks_back:  # at what the user says too
        record.responses[numbers] = _tensor(network, dialogues.observations[rows, network.space.max_prompt_tokens :])
    tokens: IntArray = record.write(network, hidden, numbers, lengths, torch.full_like(numbers, k)).cpu().numpy()
    return tokens


class _Ledger:
    """What N dialogues of at most T columns pay and tell."""

    def __init__(self, count: int, columns: int) -> None:
        self.rewards = np.zeros((count, columns))
        self.terminated = np.zeros(count, dtype=bool)
        self.truncated = np.zeros(count, dtype=bool)
        self.infos: dict[str, npt.NDArray[Any]] = {}

    def enter(self, k: int, played: Played) -> None:
        """Write down what a step in column k brought."""
        self.rewards[:, k] = played.rewards
        self.terminated |= played.terminated
        self.truncated |= played.truncated
        for rows, columns in played.told:
            for name, values in columns.items():
                shape = (len(self.rewards), *values.shape[1:])
                array = self.infos.setdefault(name, np.zeros(shape, dtype=values.dtype))
                array[rows] = values

    def scores(self) -> Scores:
        """Return it as an environment of one response would; ``turn`` and ``answer`` are the last ones."""
        infos = {name: values for name, values in self.infos.items() if name != "turn_score"}
        return Scores(self.rewards, self.terminated, self.truncated, infos)
