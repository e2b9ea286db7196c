"""Generation in slots: as soon as a response ends, its slot takes the next prompt, so that the batch stays full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from agents.models.architectures import DecodingState
from agents.models.network import TextNetwork
from agents.models.record import Record
from agents.models.slots import places
from agents.models.timeline import Timeline

EVERY = 8  # steps between two looks at what could be dropped
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
    """

    stage: Stage
    rows: Tensor
    numbers: Tensor


class Queue:
    """Responses that wait, in order; the G responses of one prompt share its reading.

    Args:
        network: Reads the prompts.
        prompts: int64 [B, P].
        group: G.
    """

    def __init__(self, network: TextNetwork, prompts: Tensor, group: int) -> None:
        self.network, self.prompts, self.group = network, prompts, group
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
            numbers = torch.arange(self.next, self.next + count, device=self.prompts.device)
            self.next += count
            most -= count
            yield Newcomers(self._stage, numbers // self.group - self._stage.first, numbers)


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

    def fill(self, queue: Queue) -> None:
        """Let waiting responses begin in free slots, until none is free or none waits."""
        while len(queue):
            free = (~self.alive).nonzero().squeeze(-1)
            if not len(free):
                return
            for new in queue.take(len(free)):
                slots, free = free[: len(new.rows)], free[len(new.rows) :]
                self.timeline.admit(slots, new.stage.decoding, new.rows)
                self.numbers[slots], self.lengths[slots], self.matched[slots] = new.numbers, 0, 0
                self.alive[slots] = True
                self.write(slots, new.stage.hidden[new.rows])

    def write(self, slots: Tensor, hidden: Tensor) -> None:
        """Write a token in slots, int64 [m], from the hidden states [m, D] before it; free those that end."""
        numbers, lengths = self.numbers[slots], self.lengths[slots]
        tokens = self.record.write(self.network, hidden, numbers, lengths)
        ended, self.matched[slots] = self.network.ends(tokens, self.matched[slots])
        self.tokens[slots], self.lengths[slots] = tokens, lengths + 1
        full = lengths + 1 == self.network.space.max_new_tokens
        self._free(slots, ended if self.record.wants_last_values else ended | full)

    def _free(self, slots: Tensor, ended: Tensor) -> None:
        alive = self.alive[slots] & ~ended
        self.alive[slots] = alive
        self.numbers[slots] = torch.where(alive, self.numbers[slots], self.record.nobody)
        self.lengths[slots] = torch.where(alive, self.lengths[slots], 0)
        self.timeline.rest(slots, ~alive)

    def advance(self) -> None:
        """Read the newest token of every slot, and write the next one."""
        n = len(self.timeline.positions)
        hidden = self.network.advance(self.timeline, self.tokens[:n])
        slots = torch.arange(n, device=hidden.device)
        if self.record.wants_last_values:
            cut = self.lengths[:n] == self.network.space.max_new_tokens
            self.record.close(self.network, hidden, self.numbers[:n], cut)
            self._free(slots, cut)
        self.write(slots, hidden)

    def shrink(self) -> bool:
        """Drop free slots once an eighth is free, where nothing waits for them; return whether any still writes."""
        kept = places(self.alive[: len(self.timeline.positions)])
        if kept is None:
            return True
        if not len(kept):
            return False
        self.timeline.select(kept)
        for name in ("numbers", "lengths", "matched", "alive", "tokens"):
            setattr(self, name, getattr(self, name)[kept])
        return True


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
    timeline = network.timeline(queue.first_stage.decoding, prompts, count)
    if timeline is None:
        return False
    slots = Slots(network, record, timeline, count)
    every = 1 if prompts.device.type == "cpu" else EVERY  # asking who has ended costs a synchronisation
    step = 0
    while True:
        if step % every == 0:
            slots.fill(queue)
            if not len(queue) and not slots.shrink():
                return True
        if step % EVERY == 0:
            timeline.forget(slots.alive[: len(timeline.positions)])
        slots.advance()
        step += 1
