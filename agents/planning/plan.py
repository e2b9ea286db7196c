"""Whether a run fits into memory, and the largest batches that do.

A process holds more than its arrays: an allocator keeps what small arrays leave, and cannot fill every gap. glibc, and
so torch on a CPU, gives arrays of 32 MiB and more back at once, and of the others next to nothing until the end. So a
run is taken to need the most that its small arrays ever need, whatever the phase, beside the most that the large ones
do; a fifth of the small ones that come and go, for gaps; and 80 MB for what libraries take when they first work. The
last two figures were fitted to the measurements of ``python -m benchmarks.throughput.planning``. A GPU's allocator
gives up what it keeps when memory runs short, so that there it is an upper estimate. What Python and a GPU's context
hold from the start, some hundred megabytes, comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from agents.learning.buffer import even_groups
from agents.planning.memory_size import size_text
from agents.planning.rehearsal import GRADIENTS, OPTIMIZER, PARAMETERS, REFERENCE, Peak, Rehearsal
from agents.planning.workload import Workload
from textgym.errors import ConfigError

EVEN = 8  # proposals are multiples of it
GAPS = 0.2  # of the small arrays that come and go
LIBRARIES = 80_000_000
HELD = (PARAMETERS, REFERENCE, OPTIMIZER, GRADIENTS)


@dataclass(frozen=True)
class Plan:
    """What a run takes.

    Attributes:
        workload: What it does.
        parameters: How many its policy has, the value head's included.
        learned: How many of them learn.
        sizes: Bytes of parameters, gradients, optimizer state and reference policy.
        peaks: Of its phases as configured.
        memory: The bytes that there are.
        slots: The most responses that can be written at once; 0 where nothing fits.
        rows: The most responses that can pass at once in an update; 0 where nothing fits.
        least: The bytes that it takes with one response at a time; a warm start's batches are as configured.
    """

    workload: Workload
    parameters: int
    learned: int
    sizes: dict[str, int]
    peaks: list[Peak]
    memory: int
    slots: int
    rows: int
    least: int

    @property
    def peak(self) -> int:
        """The most bytes that the process takes for it."""
        return process_bytes(self.peaks)

    @property
    def fits(self) -> bool:
        """Whether the run fits as configured."""
        return self.peak <= self.memory

    def proposal(self) -> dict[str, int]:
        """Return the largest options that fit, by name; empty where nothing does."""
        if not (self.slots and self.rows):
            return {}
        return {"slots": self.slots, "part_size": self.rows * self.workload.space.max_new_tokens}

    def verdict(self) -> str:
        """Return whether it fits, and if not, what would, in sentences."""
        have = f"{size_text(self.peak)} at the peak, of {size_text(self.memory)}"
        if not self.proposal():
            warm = "" if self.workload.imitated is None else "a smaller warm_start.batch_size, "
            return (
                f"It does not fit: {have}. With one response at a time it would still take {size_text(self.least)}. "
                f"Take {warm}lora, shorter prompts and responses, or a smaller model."
            )
        told = ", ".join(f"{name}={value}" for name, value in self.proposal().items())
        if self.fits:
            most = self.slots == self.workload.responses and self.rows == step_responses(self.workload)
            return f"It fits: {have}. {'All at once does, too' if most else 'The most that fits at once'}: {told}."
        return f"It does not fit: {have}. This does: {told}."

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        workload, space = self.workload, self.workload.space
        return {
            "model": workload.model if isinstance(workload.model, dict) else str(workload.model),
            "algorithm": workload.algorithm,
            "responses": workload.responses,
            "prompt_tokens": space.max_prompt_tokens,
            "new_tokens": space.max_new_tokens,
            "vocabulary": space.vocab_size,
            "parameters": self.parameters,
            "learned": self.learned,
            "sizes": self.sizes,
            "arrays": {peak.phase: {**peak.bytes, "total": peak.total} for peak in self.peaks},
            "peak": self.peak,
            "memory": self.memory,
            "fits": self.fits,
            "proposal": self.proposal(),
            "verdict": self.verdict(),
        }


def make_plan(workload: Workload, memory: int) -> Plan:
    """Rehearse a workload as it is configured, and find the largest batches that fit.

    Args:
        workload: What is to be done.
        memory: The bytes that there are.

    Raises:
        ModelError: There is no such model, or it does not fit.
    """
    phases = _Phases(workload)
    peaks = [phases.rollout(workload.slots or workload.responses), phases.configured()]
    peaks += phases.imitated
    sizes = dict(phases.rehearsal.sizes)  # before it rehearses with another cache
    slots, rows = _fitting(phases, memory)
    weights = list(phases.rehearsal.network.parameters())
    return Plan(
        workload,
        sum(weight.numel() for weight in weights),
        sum(weight.numel() for weight in weights if weight.requires_grad),
        sizes,
        peaks,
        memory,
        slots,
        rows,
        phases.together(1, 1),
    )


def process_bytes(peaks: Sequence[Peak]) -> int:
    """Return what a process needs that goes through phases again and again."""
    small, large = max(peak.small for peak in peaks), max(peak.large for peak in peaks)
    held = max(sum(peak.bytes.get(name, 0) for name in HELD) for peak in peaks)
    return small + large + int(GAPS * max(0, small - held)) + LIBRARIES


class _Phases:
    """The rollouts and updates of a workload, each rehearsed once."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.rehearsal = Rehearsal(workload)
        self._rollouts: dict[int, Peak] = {}
        self._updates: dict[int, Peak] = {}
        warm = workload.imitated
        self.imitated = [] if warm is None else [_imitating(self.rehearsal).warm_start(warm)]

    def rollout(self, slots: int) -> Peak:
        slots = min(slots, self.workload.responses)
        if slots not in self._rollouts:
            self._rollouts[slots] = self.rehearsal.rollout(slots)
        return self._rollouts[slots]

    def configured(self) -> Peak:
        return self.rehearsal.update(step_responses(self.workload), self.workload.part_tokens)

    def update(self, rows: int) -> Peak:
        step = step_responses(self.workload)
        if rows not in self._updates:
            whole = rows >= step
            part_tokens = None if whole else rows * self.workload.space.max_new_tokens
            self._updates[rows] = self.rehearsal.update(step, part_tokens)
        return self._updates[rows]

    def together(self, slots: int, rows: int) -> int:
        return process_bytes([self.rollout(slots), self.update(rows), *self.imitated])


def _imitating(rehearsal: Rehearsal) -> Rehearsal:
    """Return the rehearsal of a warm start, in which all layers learn, by Adam."""
    workload = rehearsal.workload
    if workload.unfrozen_layers is None and workload.optimizer == "adam":
        return rehearsal
    return Rehearsal(replace(workload, unfrozen_layers=None, optimizer="adam", has_reference=False))


def _fitting(phases: _Phases, memory: int) -> tuple[int, int]:
    """Return the most slots, and beside them the most responses of an update, that fit; zeros where nothing does."""
    workload = phases.workload
    slots = largest(lambda slots: phases.together(slots, 1), workload.responses, memory)
    rows = largest(lambda rows: phases.together(slots, rows), step_responses(workload), memory) if slots else 0
    return slots, rows


def step_responses(workload: Workload) -> int:
    """Return the responses of the largest step of the optimizer."""
    sizes = np.full(workload.responses, workload.space.max_new_tokens)
    return max(map(len, even_groups(np.arange(workload.responses), sizes, workload.step_tokens)))


def largest(cost: Callable[[int], int], most: int, memory: int) -> int:
    """Return the largest number up to ``most`` whose cost is at most ``memory``, nearly; 0 where not even 1 is.

    Args:
        cost: Grows, about linearly.
        most: At least 1.
        memory: The limit.
    """
    if most < 1:
        raise ConfigError(f"A rollout has at least 1 response, got {most}.")
    if cost(most) <= memory:
        return most
    if cost(1) > memory:
        return 0
    number = 1 + int((memory - cost(1)) / (cost(most) - cost(1)) * (most - 1))
    number = _even(min(number, most - 1))
    while number > 1 and cost(number) > memory:
        number = _even(number * 7 // 8)
    return max(1, number)


def _even(number: int) -> int:
    return number - number % EVEN if number > EVEN else number
