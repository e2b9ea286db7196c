"""What an update does where memory runs out: it goes on in passes of half the size, with the same gradient."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from agents.learning.buffer import SequenceRolloutBuffer
from agents.models.parts import Rows, parts_of
from agents.parallel.processes import current
from agents.policy import TransformerPolicy
from textgym.arguments import whole_number
from textgym.errors import ConfigError


def out_of_memory(error: BaseException) -> bool:
    """Whether an error tells that memory ran out, on an accelerator or on the CPU, and something can be done.

    Of several processes the others wait for this one's part of a pass, and cannot begin it again.
    """
    told = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    return told and current().count == 1


def checked_part_size(part_size: int | None) -> int | None:
    """Return the most tokens of a part, at least 1, or None.

    Raises:
        ConfigError: It is something else.
    """
    if part_size is not None and whole_number("part_size", part_size) < 1:
        raise ConfigError(f"part_size must be at least 1, or None for no limit, got {part_size}.")
    return part_size


def half_of(part_size: int | None, sizes: Rows, logger: Logger) -> int:
    """Return half the size of the largest part that did not fit, and say so.

    Args:
        part_size: The limit until now.
        sizes: int64 [E], the tokens of each response of the step.
        logger: Of the algorithm.
    """
    parts = parts_of(np.arange(len(sizes)), sizes, part_size)
    largest = max(len(part) * int(sizes[part].max()) for part in parts)
    half = max(1, largest // 2)
    logger.log(
        f"Memory ran out in an update with parts of {largest} tokens: from now on they have at most {half}. The "
        f"gradient is the same; part_size={half} avoids the detour."
    )
    return half


class BoundsMemory(OnPolicyAlgorithm):
    """Mixes into algorithms whose ``train()``, Stable-Baselines3's, takes all tokens of a minibatch at once.

    Their minibatches pass through the network in parts, each of which is computed again in the backward pass; see
    :mod:`agents.models.parts`.

    Attributes:
        part_size: The most tokens of responses in a part; None passes a minibatch at once, until memory runs out.
    """

    part_size: int | None
    arguments: dict[str, Any]

    def _setup_model(self) -> None:
        super()._setup_model()
        self._network.part_size = self.part_size

    @property
    def _network(self) -> Any:
        return cast(TransformerPolicy, self.policy).network

    def train(self) -> None:
        """Learn from the rollout in the buffer; where memory runs out, go on from that minibatch in parts."""
        if self._has_trained():
            return
        self.policy.optimizer.zero_grad()
        buffer = cast(SequenceRolloutBuffer, self.rollout_buffer)
        assert buffer.experience is not None
        self.part_size = half_of(self.part_size, buffer.experience.own.sum(axis=1)[buffer.left[0]], self.logger)
        self._network.part_size = self.arguments["part_size"] = self.part_size
        buffer.drawn = buffer.left
        epochs = getattr(self, "n_epochs", None)
        if epochs is None:
            super().train()
            return
        self.n_epochs = epochs - buffer.epochs + 1  # that one not being over
        try:
            super().train()
        finally:
            self.n_epochs = epochs

    def _has_trained(self) -> bool:
        """Train; return whether memory was enough.

        In a step of the optimizer it must be: some of the weights may have moved, and would move twice.
        """
        with StepWatch(self.policy.optimizer) as step:
            try:
                super().train()
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if step.is_under_way or not out_of_memory(error):
                    raise
                return False
        return True


class StepWatch:
    """Knows, in a ``with`` block, whether a step of an optimizer has begun and is not over.

    Args:
        optimizer: It.
    """

    is_under_way = False

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer

    def __enter__(self) -> StepWatch:
        optimizer = self.optimizer
        self._hooks = [
            optimizer.register_step_pre_hook(lambda *_: setattr(self, "is_under_way", True)),
            optimizer.register_step_post_hook(lambda *_: setattr(self, "is_under_way", False)),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
