"""The algorithms of a run: new ones, and those that checkpoints hold."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from agents.algorithms.sft import SFT
from agents.checkpoints.training_state import Resumable
from agents.runs.phase import WARM_START, Phase
from agents.runs.setup import Setup
from agents.runs.warmup_decay import WarmupDecay


class Learners:
    """Makes the learners of a run.

    Args:
        setup: Their environments and options.

    Attributes:
        warm_rate: The learning rate of the warm start.
        rate: The learning rate of the reinforcement.
    """

    def __init__(self, setup: Setup) -> None:
        warm, reinforcement = setup.config.warm_start, setup.config.reinforcement
        self.setup = setup
        self.warm_rate = WarmupDecay(warm.learning_rate, warm.warmup_fraction, warm.max_seconds)
        self.rate = WarmupDecay(setup.peak_learning_rate, reinforcement.warmup_fraction, reinforcement.max_seconds)

    @cached_property
    def first(self) -> Resumable:
        """The learner that a run begins with, untrained or as the model was given."""
        config = self.setup.config
        return self.setup.supervised(self.warm_rate) if config.warm_start.enabled else self.reinforced(config.model)

    def reinforced(self, model: Any) -> Resumable:
        """Return the learner of the reinforcement, which starts from ``model``."""
        return self.setup.reinforced(model, self.rate)

    def loaded(self, phase: Phase, path: Path) -> Resumable:
        """Return the learner that a checkpoint of a phase holds, ready to go on."""
        setup, device = self.setup, self.setup.config.device
        if phase == WARM_START:
            changes = {"validation_env": setup.validation_env, "learning_rate": self.warm_rate}
            return SFT.load(path, setup.train_env, device, **changes)
        return setup.learner.load(path, setup.paid_env, device, learning_rate=self.rate)

    def rate_of(self, phase: Phase) -> WarmupDecay:
        """Return the learning rate of a phase."""
        return self.warm_rate if phase == WARM_START else self.rate
