"""The processes that learn together, as one of them sees them; here, the one that learns alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import numpy.typing as npt
import torch

from agents.models.network import TextNetwork
from agents.parallel.learning_pass import LearningPass
from textgym.errors import ConfigError

T = TypeVar("T")


class Processes:
    """One process, which is all there are. What several do otherwise, :class:`agents.parallel.many.ManyProcesses` does.

    Every process calls the methods in the same order.

    Attributes:
        rank: The number of this process; the first is 0.
        count: How many there are.
    """

    rank = 0
    count = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def check_seed(self, seed: int | None) -> None:
        """Raise ConfigError where several processes would each draw a seed of their own."""
        if self.count > 1 and seed is None:
            raise ConfigError("Several processes draw the same random numbers: give the algorithm a seed, such as 0.")

    def share(self, total: int, what: str) -> int:
        """Return the part of each process of something that they divide evenly.

        Raises:
            ConfigError: They cannot.
        """
        if total % self.count:
            raise ConfigError(
                f"{what} must be a multiple of the {self.count} processes that share it, got {total}: choose "
                f"{max(1, round(total / self.count)) * self.count}, or another number of processes."
            )
        return total // self.count

    def mine(self, total: int) -> slice:
        """Return which of ``total`` rows are this process's, where they need not divide evenly."""
        return slice(total * self.rank // self.count, total * (self.rank + 1) // self.count)

    def joined(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the rows of all processes, one process after the other; their numbers may differ."""
        return array

    def values(self, value: Any) -> list[Any]:
        """Return the JSON value of each process."""
        return [value]

    def of_first(self, value: T) -> T:
        """Return the JSON value of the first process."""
        return value

    def largest(self, number: float) -> float:
        """Return the largest number that a process gives."""
        return number

    def any(self, wish: bool) -> bool:
        """Whether at least one process wishes it."""
        return bool(self.largest(wish))

    def once(self, work: Callable[[], object]) -> None:
        """Let the first process do something, while the others wait, however long; all raise its error."""
        work()

    def in_turn(self, work: Callable[[], T]) -> T:
        """Let the first process do something, then the others; all raise the error of the first."""
        return work()

    def silenced(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """Return ``say`` for the first process, and for the others what says nothing."""
        return say

    def own_randomness(self, device: torch.device) -> AbstractContextManager[Any]:
        """Draw from a generator of one's own in a block, where processes draw different numbers, as for dropout."""
        return nullcontext()

    def check_in_step(self) -> None:
        """Raise ProcessError unless the processes' random generators are in the same state."""

    def learning_pass(
        self, network: TextNetwork, optimizer: torch.optim.Optimizer, max_grad_norm: float
    ) -> LearningPass:
        """Return how a network learns here, which its optimizer moves by gradients of at most this norm."""
        return LearningPass(network)

    def whole(self, network: TextNetwork) -> AbstractContextManager[Any]:
        """Hold all weights of a network in a block, if it is one whose weights lie in parts in several processes."""
        return nullcontext()

    def whole_state(self, network: TextNetwork) -> dict[str, torch.Tensor]:
        """Return the state of a network, whole."""
        return dict(network.state_dict())

    def put_together(self, tree: T) -> T:
        """Return nested values in which tensors that lie in parts are whole."""
        return tree

    def take_apart(self, whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Return a tensor in parts, where ``like`` lies in parts."""
        return whole


ALONE = Processes()
_present = ALONE


def current() -> Processes:
    """Return the processes that learn together now; outside of :func:`agents.parallel.joined`, this one alone."""
    return _present


@contextmanager
def present(processes: Processes) -> Iterator[Processes]:
    """Let :func:`current` return these processes in a block."""
    global _present
    before, _present = _present, processes
    try:
        yield processes
    finally:
        _present = before
