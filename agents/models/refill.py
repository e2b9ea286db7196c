"""Generation in slots: as soon as a response ends, its slot takes the next prompt, so that the batch stays full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.models.architectures import DecodingState
from agents.models.cache_memory import make_timeline
from agents.models.network import TextNetwork
from agents.models.record import Record
from agents.models.slots import places
from agents.models.timeline import SLACK, Timeline
from textgym import TokenSpace
from textgym.core import BoolArray, IntArray

STAGED = 16  # prompts that are read together: enough for matrix products, few enough to be of use soon


class Stage(NamedTuple):
    """Prompts that were read and wait for a slot.

    Attributes:
        decoding: The state of decoding after them.
        hidden: [b, D], before the first token of their responses.
        first: The number of the first prompt.
    """

    decoding: DecodingState
    hidden: Tensor
    first: int


class Newcomers(NamedTuple):
    """Responses that begin now.

    Attributes:
        stage: Their prompts.
        rows: int64 [m], their rows of the stage.
        numbers: int64 [m], their numbers among all responses.
        filled: int64 [m], the tokens of their prompts.
    """

    stage: Stage
    rows: IntArray
    numbers: IntArray
    filled: IntArray


class Queue:
    """Responses that wait, in order; the G responses of one prompt share its reading.

    Args:
        network: Reads the prompts.
        prompts: int64 [B, P].
        group: G.
    """

    def __init__(self, network: TextNetwork, prompts: Tensor, group: int) -> None:
        self.network, self.prompts, self.group = network, prompts, group
        self.filled: IntArray = (prompts >= 0).sum(dim=1).clamp(min=1).cpu().numpy()
        self.next = 0
        self._stage = self._read(0)

    def __len__(self) -> int:
        """Return how many responses wait."""
        return len(self.prompts) * self.group - self.next

    @property
    def first_stage(self) -> Stage:
        """The prompts that were read first; only before anything was taken."""
        return self._stage

    def _read(self, first: int) -> Stage:
        return Stage(*self.network.start(self.prompts[first : first + STAGED]), first)

    def take(self, most: int) -> Iterator[Newcomers]:
        """Yield the next responses, ``most`` in all unless fewer wait."""
        while most and len(self):
            prompt = self.next // self.group
            if prompt >= self._stage.first + len(self._stage.hidden):
                self._stage = self._read(prompt)
            end = (self._stage.first + len(self._stage.hidden)) * self.group
            count = min(most, end - self.next)
            numbers = np.arange(self.next, self.next + count)
            self.next += count
            most -= count
            asked = numbers // self.group
            yield Newcomers(self._stage, asked - self._stage.first, numbers, self.filled[asked])


class Slots:
    """The responses that are being written.

    Attributes:
        numbers: int64 [n], which response each slot writes; that of no response where it is free.
        lengths: int64 [n], how many tokens it has.
        matched: int64 [n], how far it matches a stop string.
        alive: bool [n].
        tokens: int64 [n], the newest ones.
    """

    def __init__(self, network: TextNetwork, record: Record, timeline: Timeline, count: int) -> None:
        device = record.responses.device
        self.network, self.record, self.timeline, self.count = network, record, timeline, count
        self.numbers = torch.full((count,), record.nobody, device=device)
        self.lengths, self.matched, self.tokens = torch.zeros(3, count, dtype=torch.long, device=device)
        self.alive = torch.zeros(count, dtype=torch.bool, device=device)

    def __len__(self) -> int:
        """Return n, how many slots there are in use, those of ended responses included."""
        return len(self.timeline)

    def look(self, queue: Queue) -> bool:
        """See which responses have ended, and let waiting ones begin; return whether any is being written.

        Without any that wait, the free slots are dropped once an eighth is free.
        """
        alive = self._alive()
        while len(queue) and not alive.all():
            self._fill(queue, np.flatnonzero(~alive))
            alive = self._alive()
        kept = None if len(queue) else places(alive[: len(self)])
        if kept is not None:
            self._keep(kept)
            alive = alive[kept]
        self.timeline.forget(alive[: len(self)])
        return bool(len(self))

    def _alive(self) -> BoolArray:
        """Wait for the device to tell which of all slots write a response that has not ended, bool [count]."""
        alive: BoolArray = self.alive.cpu().numpy()
        return alive

    def _fill(self, queue: Queue, free: IntArray) -> None:
        for new in queue.take(len(free)):
            taken, free = free[: len(new.rows)], free[len(new.rows) :]
            self.timeline.admit(taken, new.stage.decoding, new.rows, new.filled)
            slots, numbers = self._tensor(taken), self._tensor(new.numbers)
            self.numbers[slots], self.lengths[slots], self.matched[slots] = numbers, 0, 0
            self.alive[slots] = True
            self.write(slots, new.stage.hidden[self._tensor(new.rows)])

    def _tensor(self, numbers: IntArray) -> Tensor:
        return torch.as_tensor(numbers, device=self.tokens.device)

    def write(self, slots: Tensor | slice, hidden: Tensor) -> None:
        """Write a token in slots, int64 [m], from the hidden states [m, D] before it; free those that end."""
        numbers, lengths = self.numbers[slots], self.lengths[slots]
        tokens = self.record.write(self.network, hidden, numbers, lengths)
        ended, self.matched[slots] = self.network.ends(tokens, self.matched[slots])
        lengths = lengths + 1
        self.tokens[slots], self.lengths[slots] = tokens, lengths
        full = lengths == self.network.space.max_new_tokens
        self._free(slots, ended if self.record.wants_last_values else ended | full)

    def _free(self, slots: Tensor | slice, ended: Tensor) -> None:
        alive = self.alive[slots] & ~ended
        self.alive[slots] = alive
        self.numbers[slots] = torch.where(alive, self.numbers[slots], self.record.nobody)
        self.lengths[slots] = torch.where(alive, self.lengths[slots], 0)
        self.timeline.rest(slots, ~alive)

    def advance(self) -> None:
        """Read the newest token of every slot, and write the next one."""
        used = slice(0, len(self))
        hidden = self.network.advance(self.timeline, self.tokens[used])
        if self.record.wants_last_values:
            cut = self.lengths[used] == self.network.space.max_new_tokens
            self.record.close(self.network, hidden, self.numbers[used], cut)
            self._free(used, cut)
        self.write(used, hidden)

    def _keep(self, kept: IntArray) -> None:
        self.timeline.select(kept)
        slots = self._tensor(kept)
        for name in ("numbers", "lengths", "matched", "alive", "tokens"):
            setattr(self, name, getattr(self, name)[slots])


def write_in_slots(network: TextNetwork, prompts: Tensor, group: int, count: int, record: Record) -> bool:
    """Write all responses in ``count`` slots; return False, with nothing done, where the model's cache cannot.

    Args:
        network: The policy's network.
        prompts: int64 [B, P], padded on the left with -1.
        group: G, responses per prompt.
        count: How many responses are written at once.
        record: Where to, with B * G rows.
    """
    queue = Queue(network, prompts, group)
    every = network.engine.looks_every(prompts.device)
    timeline = make_timeline(network, queue.first_stage.decoding, int(queue.filled.max()), count, SLACK + every)
    if timeline is None:
        return False
    slots = Slots(network, record, timeline, count)
    while slots.look(queue):
        for _ in range(every):
            slots.advance()
    return True


def can_end(space: TokenSpace) -> bool:
    """Whether a response may end before it is full."""
    return space.eos_id is not None or bool(space.stop)
