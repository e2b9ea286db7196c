"""A reward made of other rewards, each of which is asked once, whose scores are told and logged by name."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError
from textgym.rewards.judge import checked, judge

Operand = Reward | float
Parts = Mapping[str, FloatArray]
Known = Mapping[str, tuple[Reward, FloatArray]]  # leaves and their scores


class Composite(Reward):
    """A function of the scores of other rewards.

    A subclass gives :attr:`operands` and :meth:`combine`. Rewards that are equal are asked once, however often they
    occur. Environments put the score of each part into the information of the last step, as ``reward/<name>``.
    """

    @property
    @abstractmethod
    def operands(self) -> Sequence[Operand]:
        """What the value is a function of: rewards and numbers."""

    @abstractmethod
    def combine(self, values: Sequence[FloatArray | float]) -> FloatArray:
        """Return the value, float64 [N], from one for each operand."""

    @cached_property
    def leaves(self) -> dict[str, Reward]:
        """The rewards that are not composite, by the name under which their scores are told."""
        named: dict[str, Reward] = {}
        for leaf in _leaves(self):
            if leaf not in named.values():
                named[_free(label(leaf), named)] = leaf
        return named

    @property
    def fault_counts(self) -> dict[str, int]:
        """The sums of those of :attr:`leaves`."""
        counts: Counter[str] = Counter()
        for leaf in self.leaves.values():
            counts.update(leaf.fault_counts)
        return dict(counts)

    def parts(self, responses: Sequence[str], samples: Sequence[Sample]) -> dict[str, FloatArray]:
        """Return the scores of :attr:`leaves`, float64 [N] each, every one held to its contract."""
        return {name: judge(leaf, responses, samples) for name, leaf in self.leaves.items()}

    def of_parts(self, parts: Parts) -> FloatArray:
        """Return the score, float64 [N], that the scores of the leaves amount to."""
        return self._value({name: (leaf, parts[name]) for name, leaf in self.leaves.items()})

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores, float64 [N]; each part is held to its contract."""
        return self.of_parts(self.parts(responses, samples))

    def observe(self, parts: Parts) -> None:
        """Let what has a state learn from the scores of finished responses; see ``RunningNorm``."""
        self._observe({name: (leaf, parts[name]) for name, leaf in self.leaves.items()})

    def state(self) -> list[Any]:
        """Return the state of whatever has one, JSON values only; empty where nothing has."""
        return [value for operand in self.operands if isinstance(operand, Composite) for value in operand.state()]

    def load_state(self, state: Sequence[Any]) -> None:
        """Go back to a state that a reward of the same make gave.

        Raises:
            ConfigError: It has another number of entries, or one that cannot be read.
        """
        rest = list(state)
        self._load(rest)
        if rest:
            raise ConfigError(f"The state is of another reward than {self.name!r}: {len(rest)} entries are left over.")

    def _value(self, known: Known) -> FloatArray:
        values = [operand_value(operand, known) for operand in self.operands]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused, with its row
            return np.asarray(self.combine(values), np.float64)

    def _observe(self, known: Known) -> None:
        for operand in self.operands:
            if isinstance(operand, Composite):
                operand._observe(known)

    def _load(self, rest: list[Any]) -> None:
        for operand in self.operands:
            if isinstance(operand, Composite):
                operand._load(rest)


def judge_parts(
    reward: Reward, responses: Sequence[str], samples: Sequence[Sample]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return what :func:`~textgym.rewards.judge.judge` does, and the scores of the parts of a composite reward.

    Raises:
        RewardError: As ``judge``.
    """
    if not isinstance(reward, Composite):
        return judge(reward, responses, samples), {}
    parts = reward.parts(responses, samples)
    return checked(reward, reward.of_parts(parts), samples), parts


def label(reward: Reward) -> str:
    """Return the name of a reward with those of its options that are not the default: ``bleu(tokenize='intl')``."""
    if not dataclasses.is_dataclass(reward):
        return reward.name
    fields = [field for field in dataclasses.fields(reward) if field.init and field.repr]
    given = [(field.name, getattr(reward, field.name)) for field in fields]
    told = [f"{name}={value!r}" for (name, value), field in zip(given, fields, strict=True) if value != field.default]
    return f"{reward.name}({', '.join(told)})" if told else reward.name


def written(operand: Operand, attribute: str = "name") -> str:
    """Return an operand as it stands in the text of a formula: a number, or what ``attribute`` tells of a reward."""
    if not isinstance(operand, Reward):
        return f"{operand:.12g}"
    if attribute == "name" and not isinstance(operand, Composite):
        return label(operand)
    return str(getattr(operand, attribute))


def bounds_of(operand: Operand) -> tuple[float, float]:
    """Return the bounds of a reward, or a number twice."""
    return operand.bounds if isinstance(operand, Reward) else (operand, operand)


def _leaves(reward: Reward) -> Iterator[Reward]:
    if not isinstance(reward, Composite):
        yield reward
        return
    for operand in reward.operands:
        if isinstance(operand, Reward):
            yield from _leaves(operand)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return ``name``, or ``name#2`` and so on when another reward has it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def operand_value(operand: Operand, known: Known) -> FloatArray | float:
    """Return a number, or the scores [N] of a reward, from those of the leaves."""
    if not isinstance(operand, Reward):
        return operand
    if isinstance(operand, Composite):
        return operand._value(known)
    return next(values for leaf, values in known.values() if leaf == operand)
