"""The steps of a run that take memory, performed by its own code on a weightless network; what exists at their peaks.

What is rehearsed is what runs: :meth:`TextNetwork.evaluate_sequences`, the cache of a rollout, the optimizer. So there
is no formula for any architecture, and one that saves or wastes memory is planned as it does. Real are only token ids,
masks and positions, which the code looks at.

Not rehearsed: what operations take inside for themselves, and what Python, its libraries and a GPU's context hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.buffer import Experience
from agents.learning.optimizers import MuonAdam
from agents.models.architectures import DecodingState
from agents.models.distribution import sample
from agents.models.network import TextNetwork
from agents.models.record import Record
from agents.models.refill import STAGED
from agents.models.timeline import Timeline
from agents.planning.ledger import PASSING, Ledger
from agents.planning.weightless import weightless_network
from agents.planning.workload import Workload

PARAMETERS, REFERENCE, OPTIMIZER, GRADIENTS = "parameters", "reference policy", "optimizer state", "gradients"
CACHE, ACTIVATIONS, LOGITS, BUFFERS = "key-value cache", "activations", "logits", "rollout buffers"
LABELS = (PARAMETERS, REFERENCE, OPTIMIZER, GRADIENTS, CACHE, ACTIVATIONS, LOGITS, PASSING, BUFFERS)
REFERENCE_ROWS = 64  # that the reference policy judges at once
FLOAT, LONG = 4, 8  # bytes


@dataclass(frozen=True)
class Peak:
    """The moment of a phase at which most memory is in use.

    Attributes:
        phase: "rollout", "update" or "warm start".
        bytes: What exists then, by what it is for; without what is zero.
        small: The most bytes of arrays that an allocator keeps when they are dropped, at another moment maybe.
        large: The most bytes of arrays that it gives back at once.
    """

    phase: str
    bytes: dict[str, int]
    small: int
    large: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.bytes.values())


class Rehearsal:
    """A run's policy, learned from once already: its optimizer has a state, its gradients are there.

    Args:
        workload: What is done with it.

    Attributes:
        sizes: Bytes of the parameters, gradients, optimizer's state and reference policy, and after a rollout of its
            cache.
    """

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.network = weightless_network(workload)
        self.ledger = Ledger(dict.fromkeys(self._vocabulary(), LOGITS))
        self.optimizer = _optimizer(self.network, workload.optimizer)
        copied = workload.has_reference and workload.lora is None
        self.reference = weightless_network(workload).requires_grad_(False) if copied else self.network
        self.sizes = {PARAMETERS: self._label(PARAMETERS, self.network), REFERENCE: 0}
        if copied:
            self.sizes[REFERENCE] = self._label(REFERENCE, self.reference)
        with self.ledger:
            self._update([self._rows(1)])
        self.sizes[GRADIENTS] = self.ledger.label(GRADIENTS, self._gradients())
        self.sizes[OPTIMIZER] = self.ledger.label(OPTIMIZER, _tensors(self.optimizer.state))

    def _vocabulary(self) -> set[int]:
        head: Any = self.network.model.get_output_embeddings()
        return {self.workload.space.vocab_size, head.weight.shape[0]}

    def _label(self, name: str, network: TextNetwork) -> int:
        return self.ledger.label(name, (*network.parameters(), *network.buffers()))

    def _gradients(self) -> list[Tensor]:
        return [weight.grad for weight in self.network.parameters() if weight.grad is not None]

    def rollout(self, slots: int | None) -> Peak:
        """Return the peak of writing a rollout, and of asking the reference policy about it.

        Args:
            slots: How many responses are written at once; None for all.
        """
        workload, ledger = self.workload, self.ledger
        count = workload.responses if slots is None else min(slots, workload.responses)
        ledger.begin()
        with ledger, torch.no_grad():
            written = self._write(count)
        peaks = [written]
        if workload.has_reference:
            ledger.begin()
            with ledger, torch.no_grad():
                observations, own, actions = self._rows(min(REFERENCE_ROWS, workload.responses))
                self.reference.evaluate_sequences(observations, own, actions)
            peaks.append(self._peak("rollout", self._buffer_bytes()))
        highest = max(peaks, key=lambda peak: peak.total)
        return replace(highest, small=max(peak.small for peak in peaks), large=max(peak.large for peak in peaks))

    def _write(self, count: int) -> Peak:
        workload, network = self.workload, self.network
        T = workload.space.max_new_tokens
        record = Record(workload.responses, T, network.device, deterministic=False, last_values=False)
        self.ledger.label(BUFFERS, _tensors(vars(record)))
        prompts = self._ids(-(-workload.responses // workload.group), workload.space.max_prompt_tokens)
        decoding, hidden = self._begun(prompts, count)
        self.ledger.label(CACHE, _tensors(_layers(decoding)))
        self._step(record, decoding, hidden)
        self.sizes[CACHE] = self.ledger.label(CACHE, _tensors(_layers(decoding)))
        return self._peak("rollout", 0)

    def _begun(self, prompts: Tensor, count: int) -> tuple[DecodingState, Tensor]:
        """Return the state of decoding of ``count`` responses, and the hidden states before their first tokens."""
        network, workload = self.network, self.workload
        if count < workload.responses:
            staged, hidden = network.start(prompts[:STAGED])
            timeline = network.timeline(staged, prompts, count)
            if timeline is not None:
                return _filled(timeline, staged, count), hidden[:1].expand(count, -1)
        decoding, hidden = network.start(prompts)
        if workload.group > 1:
            rows = torch.arange(workload.responses) // workload.group
            decoding.select(rows)
            hidden = hidden[rows]
        decoding.reserve(workload.space.max_new_tokens)
        return decoding, hidden

    def _step(self, record: Record, decoding: DecodingState, hidden: Tensor) -> None:
        """Choose a token of every row, read it, and choose another."""
        network, rows = self.network, len(hidden)
        for _ in range(2):
            log_probs = network.log_distribution(hidden, torch.zeros(rows, dtype=torch.long))
            sample(log_probs, torch.rand(rows))
            network.values(hidden)
            hidden = network.advance(decoding, torch.zeros(rows, dtype=torch.long))

    def update(self, parts: Sequence[int]) -> Peak:
        """Return the peak of a step of the optimizer.

        Args:
            parts: Responses of each part that passes through the network at once.
        """
        given = [self._rows(rows) for rows in parts[:2]]  # of further ones the second has told all
        self.ledger.begin()
        with self.ledger:
            self._update(given)
        self.ledger.label(GRADIENTS, self._gradients())
        return self._peak("update", self._buffer_bytes())

    def _update(self, parts: Sequence[tuple[Tensor, Tensor, Tensor]]) -> None:
        optimizer, has_critic = self.optimizer, self.workload.has_critic
        if not has_critic:
            optimizer.zero_grad()
        for part in parts:
            found = self.network.evaluate_sequences(*part)
            loss = found.log_probs.sum() + found.entropies.sum() + (found.values.sum() if has_critic else 0)
            self._learn(loss, clear=has_critic)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        optimizer.step()

    def _learn(self, loss: Tensor, *, clear: bool) -> None:
        self.ledger.label_rest(ACTIVATIONS)
        if clear:  # Stable-Baselines3 drops the old gradients between the passes
            self.optimizer.zero_grad()
        loss.backward()

    def warm_start(self, rows: int) -> Peak:
        """Return the peak of an update of supervised learning from so many responses."""
        observations, own, actions = self._rows(rows)
        self.network.model.train()
        self.ledger.begin()
        with self.ledger:
            hidden, lengths = self.network.own_states(*self.network.split(observations), own)
            losses = -self.network.log_distribution(hidden, lengths).gather(-1, actions[:, None]).squeeze(-1)
            self._learn(losses.mean(), clear=True)
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
        self.network.model.eval()
        self.ledger.label(GRADIENTS, self._gradients())
        return self._peak("warm start", 0)

    def _peak(self, phase: str, buffers: int) -> Peak:
        found = self.ledger.at_peak()
        found[BUFFERS] = found.get(BUFFERS, 0) + buffers
        told = {name: found[name] for name in LABELS if found.get(name)}
        return Peak(phase, told, self.ledger.small + buffers, self.ledger.large)

    def _rows(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return full observations [n, P + T], which positions are own, and their tokens."""
        space = self.workload.space
        observations = self._ids(count, space.max_prompt_tokens + space.max_new_tokens)
        own = torch.ones(count, space.max_new_tokens, dtype=torch.bool)
        return observations, own, observations[:, space.max_prompt_tokens :].reshape(-1)

    def _ids(self, rows: int, columns: int) -> Tensor:
        return torch.zeros(rows, columns, dtype=torch.long)

    def _buffer_bytes(self) -> int:
        """Return the bytes of a rollout that is learned from: what is known of each action, and what is made of it."""
        E, P, T = self.workload.responses, self.workload.space.max_prompt_tokens, self.workload.space.max_new_tokens
        grid = np.zeros((E, T), dtype=np.float32)
        own, last = np.zeros((E, T), dtype=np.bool_), np.zeros(E, dtype=np.float32)
        experience = Experience(np.zeros((E, P + T), dtype=np.int32), own, grid, grid, grid, last)
        known = sum(int(getattr(experience, field.name).nbytes) for field in fields(experience))
        return known + 3 * int(grid.nbytes)  # advantages, returns, and values or the reference's log-probabilities


def _optimizer(network: TextNetwork, name: str) -> torch.optim.Optimizer:
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    if name == "muon":
        return MuonAdam(learned, matrices=network.hidden_matrices(), lr=1e-4)
    return torch.optim.Adam(learned, lr=1e-4)


def _filled(timeline: Timeline, staged: DecodingState, count: int) -> Timeline:
    """Let a response begin in each of ``count`` slots."""
    slots, read = torch.arange(count), len(staged.positions)
    for new in slots.split(read):
        timeline.admit(new, staged, torch.arange(len(new)))
    return timeline


def _layers(decoding: DecodingState) -> list[Any]:
    """Return what the layers of a cache hold."""
    cache = decoding.cache
    caches = (cache.self_attention_cache, cache.cross_attention_cache) if decoding.encoded is not None else (cache,)
    return [vars(layer) for part in caches for layer in part.layers]


def _tensors(held: Any) -> Iterator[Tensor]:
    """Yield all tensors in dictionaries and lists in each other."""
    if isinstance(held, Tensor):
        yield held
    elif isinstance(held, (dict, list, tuple)):
        for item in held.values() if isinstance(held, dict) else held:
            yield from _tensors(item)
