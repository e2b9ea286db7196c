"""Rewards in processes of their own: heavy ones, several at a time, and those that hang or bring a process down."""

from __future__ import annotations

import json
import sys
from typing import Any

from textgym.errors import ConfigError, RewardError
from textgym.permissions import permitted
from textgym.registration import refuse_unknown, register_reward
from textgym.rewards.command import CommandReward
from textgym.rewards.outside import OutsideError, OutsideReward

PROGRAM = (
    "import json, sys, textgym; textgym.permit(*json.loads(sys.argv[2]));"
    "from textgym.rewards.worker import work; work(json.loads(sys.argv[1]))"
)


@register_reward("isolated")
class Isolated(CommandReward):
    """A reward made and asked in other processes: ``isolated(spec='bleu', workers=2)``.

    Texts and scores go between the processes as lines of JSON, nothing is pickled. The processes are shared by all
    lanes. A question that takes longer than ``timeout`` ends its process, and a process that dies is replaced; what
    becomes of the question is what ``on_error`` says. Name, bounds and signatures are those of the reward; its corpus
    score is the mean.

    Args:
        spec: Text or a dict, as ``textgym.make_reward`` takes it.
        options: As for :class:`~textgym.rewards.outside.OutsideReward`, but for name and bounds.
    """

    def __init__(self, spec: str | dict[str, Any], **options: Any) -> None:
        refuse_unknown("The reward 'isolated'", options, OutsideReward)
        if {"name", "bounds"} & set(options):
            raise ConfigError("An isolated reward has the name and the bounds of the reward itself: leave them out.")
        try:
            text = json.dumps(spec)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"An isolated reward is made of text or a dict of JSON values: {error}.") from error
        self.spec = spec
        super().__init__([sys.executable, "-c", PROGRAM, text, json.dumps(permitted())], **({"retries": 1} | options))
        told = self._described()
        self.name, self.bounds, self.scale = told["name"], tuple(told["bounds"]), told["scale"]
        self.needs_references = told["needs_references"]
        self._signature = str(told["signature"])

    def _described(self) -> dict[str, Any]:
        try:
            told = json.loads(self.answered(b"{}"))
        except OutsideError as error:
            raise RewardError(f"The reward {self.spec!r} cannot be made in a process of its own: {error}") from error
        if "error" in told:
            raise ConfigError(f"The reward {self.spec!r} cannot be made in a process of its own: {told['error']}")
        return dict(told)

    @property
    def signature(self) -> str:
        """The signature of the reward itself."""
        return self._signature

    def __repr__(self) -> str:
        return f"Isolated({self.spec!r}, workers={self.workers!r})"
