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
from agents.models.branch import stack_of
from agents.models.cache_memory import make_timeline, reserve_rows
from agents.models.network import TextNetwork
from agents.models.parts import parts_of
from agents.models.record import Record
from agents.models.refill import STAGED
from agents.models.timeline import SLACK, Timeline
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
        self.sizes = {PARAMETERS: self._label(PARAMETERS, self.network), REFERENCE: 0}
        self.reference, self._copied = self._refer()
        self.sizes[REFERENCE] = self.ledger.label(REFERENCE, self._copied)
        with self.ledger:
            self._update([self._rows(1)])
        self.sizes[GRADIENTS] = self.ledger.label(GRADIENTS, self._gradients())
        self.sizes[OPTIMIZER] = self.ledger.label(OPTIMIZER, _tensors(self.optimizer.state))

    def _refer(self) -> tuple[TextNetwork | None, list[Tensor]]:
        """Return the network that judges a rollout after it, None where none does, and the tensors of the reference."""
        workload = self.workload
        if not workload.has_reference:
            return None, []
        if workload.lora is not None:
            return self.network, []
        other = weightless_network(workload).requires_grad_(False)
        if workload.unfrozen_layers is not None:  # a copy of these alone, which writes beside the policy
            return None, list(stack_of(other.model)[1][-workload.unfrozen_layers :].parameters())
        return other, [*other.parameters(), *other.buffers()]

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
        if self.reference is not None:
            observations, own, actions = self._rows(min(REFERENCE_ROWS, workload.responses))
            ledger.begin()
            with ledger, torch.no_grad():
                hidden, before = self.reference.own_states(*self.reference.split(observations), own)
                self.reference.log_probs(hidden, before, actions)
                del hidden
            peaks.append(self._peak("rollout", self._buffer_bytes()))
        highest = max(peaks, key=lambda peak: peak.total)
        return replace(highest, small=max(peak.small for peak in peaks), large=max(peak.large for peak in peaks))

    def _write(self, count: int) -> Peak:
        workload, network = self.workload, self.network
        count = min(count, workload.responses)
        uniforms = torch.rand(workload.responses, workload.space.max_new_tokens)
        prompts = self._prompts(np.arange(-(-workload.responses // workload.group)))
        told = prompts.repeat_interleave(workload.group, dim=0) if network.looks_back else None
        record = Record(
            workload.responses, uniforms.shape[1], network.device, uniforms=uniforms, last_values=False, prompts=told
        )
        self.ledger.label(BUFFERS, _tensors(vars(record)))
        decoding, hidden = self._begun(prompts, count)
        self.ledger.label(CACHE, _tensors(_memory(decoding)))
        numbers = torch.arange(len(hidden))
        for k in range(2):
            record.write(network, hidden, numbers, torch.full_like(numbers, k))
            hidden = network.advance(decoding, torch.zeros_like(numbers))
        self.sizes[CACHE] = self.ledger.label(CACHE, _tensors(_memory(decoding)))
        return self._peak("rollout", 0)

    def _begun(self, prompts: Tensor, count: int) -> tuple[DecodingState | Timeline, Tensor]:
        """Return the state of decoding of ``count`` responses, and the hidden states before their first tokens."""
        network, workload = self.network, self.workload
        if count < workload.responses:
            staged, hidden = network.start(prompts[:STAGED])
            slack = SLACK + network.engine.looks_every(prompts.device)
            timeline = make_timeline(network, staged, prompts.shape[1], count, slack)
            if timeline is not None:
                for slots in np.array_split(np.arange(count), -(-count // len(hidden))):
                    timeline.admit(slots, staged, slots - slots[0])
                return timeline, hidden[:1].expand(count, -1)
        staged, hidden = network.start(prompts)
        rows = np.arange(workload.responses) // workload.group
        return reserve_rows(network, staged, rows), hidden[torch.as_tensor(rows)]

    def update(self, rows: int, part_tokens: int | None) -> Peak:
        """Return the peak of a step of the optimizer.

        Args:
            rows: Responses of the step.
            part_tokens: The most tokens of a part of them; None passes all at once.
        """
        parts, self.network.part_size = [rows], part_tokens if self.workload.has_critic else None
        if not self.workload.has_critic:  # it cuts the parts itself; of further ones the second has told all
            parts = [len(part) for part in parts_of(np.arange(rows), self._lengths(rows), part_tokens)][:2]
        given = [self._rows(part) for part in parts]
        self.ledger.begin()
        with self.ledger:
            self._update(given)
        self.ledger.label(GRADIENTS, self._gradients())
        return self._peak("update", self._buffer_bytes())

    def _lengths(self, rows: int) -> Any:
        return np.full(rows, self.workload.space.max_new_tokens)

    def _update(self, parts: Sequence[tuple[Tensor, Tensor, Tensor]]) -> None:
        optimizer, has_critic = self.optimizer, self.workload.has_critic
        if not has_critic:
            optimizer.zero_grad()
        for part in parts:
            found = self.network.evaluate_sequences(*part)
            loss = found.log_probs.sum() + found.entropies.sum() + (found.values.sum() if has_critic else 0)
            del found
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
            hidden, before = self.network.own_states(*self.network.split(observations), own)
            losses = -self.network.log_distribution(hidden, before).gather(-1, actions[:, None]).squeeze(-1)
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
        order = np.random.default_rng(0).permutation(max(count, self.workload.responses))[:count]
        prompts = self._prompts(order // self.workload.group)
        responses = torch.zeros(count, space.max_new_tokens, dtype=torch.long)
        return torch.cat([prompts, responses], dim=1), responses == 0, responses.flatten()

    def _prompts(self, numbers: Any) -> Tensor:
        """Return full prompts, int64 [B, P], those of different numbers different as far as there are so many."""
        space = self.workload.space
        powers = space.vocab_size ** np.arange(min(4, space.max_prompt_tokens))
        prompts = torch.zeros(len(numbers), space.max_prompt_tokens, dtype=torch.long)
        prompts[:, : len(powers)] = torch.as_tensor(numbers[:, None] // powers % space.vocab_size)
        return prompts

    def _buffer_bytes(self) -> int:
        """Return the bytes of a rollout that is learned from: what is known of each action, and what is made of it."""
        E, P, T = self.workload.responses, self.workload.space.max_prompt_tokens, self.workload.space.max_new_tokens
        grid = np.zeros((E, T), dtype=np.float32)
        own, last = np.zeros((E, T), dtype=np.bool_), np.zeros(E, dtype=np.float32)
        experience = Experience(np.zeros((E, P + T), dtype=np.int32), own, grid, grid, grid, last)
        arrays = (getattr(experience, field.name) for field in fields(experience))
        known = sum(int(array.nbytes) for array in arrays if array is not None)
        return known + 3 * int(grid.nbytes)  # advantages, returns, and values or the reference's log-probabilities


def _optimizer(network: TextNetwork, name: str) -> torch.optim.Optimizer:
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    if name == "muon":
        return MuonAdam(learned, matrices=network.hidden_matrices(), lr=1e-4)
    return torch.optim.Adam(learned, lr=1e-4)


def _memory(decoding: DecodingState | Timeline) -> list[Any]:
    """Return what holds the keys and values of a state of decoding."""
    if isinstance(decoding, Timeline):
        return [decoding._memory, decoding._encoded_memory]
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
