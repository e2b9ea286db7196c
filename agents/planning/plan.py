"""Whether a run fits into memory, and the largest batches that do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.learning.buffer import even_groups
from agents.learning.token_batch import parts_of
from agents.planning.memory_size import size_text
from agents.planning.rehearsal import Peak, Rehearsal
from agents.planning.workload import Workload
from textgym.errors import ConfigError

EVEN = 8  # proposals are multiples of it


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
        slots: The most responses that can be written at once; 0 where not one can.
        rows: The most responses that can pass at once in an update; 0 where not one can.
        least: The bytes of the smallest rollout and the smallest update.
    """

    workload: Workload
    parameters: int
    learned: int
    sizes: dict[str, int]
    peaks: list[Peak]
    memory: int
    slots: int
    rows: int
    least: tuple[int, int]

    @property
    def peak(self) -> int:
        """The most bytes of any phase."""
        return max(peak.total for peak in self.peaks)

    @property
    def fits(self) -> bool:
        """Whether the run fits as configured."""
        return self.peak <= self.memory

    def proposal(self) -> dict[str, int]:
        """Return the largest options that fit, by name; empty where nothing does."""
        if not (self.slots and self.rows):
            return {}
        workload = self.workload
        name = workload.limit or "rollout_responses"
        size = self.rows * workload.space.max_new_tokens if workload.limit else self.rows
        return {"slots": self.slots, name: size}

    def verdict(self) -> str:
        """Return whether it fits, and if not, what would, in sentences."""
        have = f"{size_text(self.peak)} at the peak, of {size_text(self.memory)}"
        failing = [name for name, most in (("rollout", self.slots), ("update", self.rows)) if not most]
        if failing:
            least = max(self.least)
            return (
                f"It does not fit: {have}. With one response at a time, the {' and the '.join(failing)} would "
                f"still take {size_text(least)}. Take lora, shorter prompts and responses, or a smaller model."
            )
        told = ", ".join(f"{name}={value}" for name, value in self.proposal().items())
        if self.fits:
            return f"It fits: {have}. The most that fits at once: {told}."
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
            "peaks": {peak.phase: {**peak.bytes, "total": peak.total} for peak in self.peaks},
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
    rehearsal = Rehearsal(workload)
    rollouts: dict[int | None, Peak] = {}
    updates: dict[int, Peak] = {}

    def rollout(slots: int) -> int:
        if slots not in rollouts:
            rollouts[slots] = rehearsal.rollout(slots)
        return rollouts[slots].total

    def update(rows: int) -> int:
        if rows not in updates:
            updates[rows] = rehearsal.update(_parts(workload, rows))
        return updates[rows].total

    slots = min(workload.slots or workload.responses, workload.responses)
    rows = rows_at_once(workload)
    peaks = [rehearsal.rollout(workload.slots), rehearsal.update(_parts(workload, rows))]
    rollouts[slots], updates[rows] = peaks
    if workload.imitated is not None:
        peaks.append(rehearsal.warm_start(workload.imitated))
    weights = list(rehearsal.network.parameters())
    return Plan(
        workload,
        sum(weight.numel() for weight in weights),
        sum(weight.numel() for weight in weights if weight.requires_grad),
        rehearsal.sizes,
        peaks,
        memory,
        largest(rollout, workload.responses, memory),
        largest(update, workload.responses, memory),
        (rollout(1), update(1)),
    )


def rows_at_once(workload: Workload) -> int:
    """Return how many full responses pass the network at once in an update, as configured."""
    return max(len(part) for part in parts_of(*_step(workload), None if workload.has_critic else workload.part_tokens))


def _step(workload: Workload) -> tuple[Any, Any]:
    """Return the responses of the largest step of the optimizer, and the tokens of all responses."""
    sizes = np.full(workload.responses, workload.space.max_new_tokens)
    return max(even_groups(np.arange(workload.responses), sizes, workload.step_tokens), key=len), sizes


def _parts(workload: Workload, rows: int) -> list[int]:
    """Return the responses of each part of a step of which so many pass at once."""
    if workload.has_critic:
        return [rows]
    return [len(part) for part in parts_of(*_step(workload), rows * workload.space.max_new_tokens)]


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
