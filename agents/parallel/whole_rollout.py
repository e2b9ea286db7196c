"""The rollout of all processes, from what each has played."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.learning.buffer import Experience
from agents.learning.playing import Episodes, play
from agents.models.branch import Branch
from agents.models.network import TextNetwork
from agents.parallel.processes import Processes, current
from agents.vec_env import TextVecEnv
from textgym.errors import ConfigError
from textgym.responses import Scores

Array = npt.NDArray[Any]


def play_together(
    network: TextNetwork,
    lanes: TextVecEnv,
    count: int,
    responses_per_prompt: int = 1,
    slots: int | None = None,
    branch: Branch | None = None,
    *,
    critic: bool = True,
) -> Episodes:
    """Let all processes play ``count`` episodes together, each in its lanes; return all to each.

    See :func:`agents.learning.playing.play`, which plays those of one process.

    Raises:
        ConfigError: The lanes were made for other processes, so that each would play the same ones.
    """
    processes = current()
    if lanes.processes is not processes:
        raise ConfigError(
            f"These lanes are shared by {lanes.processes.count} processes, and {processes.count} learn here: make the "
            "environment within the same agents.parallel.joined() block as the algorithm."
        )
    with processes.whole(network):
        own = play(
            network,
            lanes,
            count // processes.count,
            responses_per_prompt,
            slots,
            branch,
            critic=critic,
            first_lane=lanes.first_lane,
            lanes_in_all=lanes.all_lanes,
        )
    if processes.count == 1:
        return own
    processes.check_in_step()
    whole = WholeRollout(processes, count // (responses_per_prompt * lanes.all_lanes))
    return Episodes(whole.experience(own.experience), whole.scores(own.scores))


class WholeRollout:
    """Puts the rows of all processes into the order in which one process would have them.

    Args:
        processes: All.
        rounds: How often each lane played.
    """

    def __init__(self, processes: Processes, rounds: int) -> None:
        self.processes = processes
        self.rounds = rounds

    def experience(self, own: Experience) -> Experience:
        """Return the experience of all."""
        arrays = {field.name: getattr(own, field.name) for field in fields(own)}
        joined: dict[str, Any] = {name: self._joined(array) for name, array in arrays.items() if array is not None}
        return Experience(**joined)

    def scores(self, own: Scores) -> Scores:
        """Return the scores of all; what is text or a list goes as JSON."""
        told = self.processes.values({name: column.tolist() for name, column in own.infos.items()})
        infos = {
            name: self._ordered(_column([value for one in told for value in one[name]], column.dtype))
            for name, column in own.infos.items()
        }
        return Scores(self._joined(own.rewards), self._joined(own.terminated), self._joined(own.truncated), infos)

    def _joined(self, array: Array) -> Array:
        return self._ordered(self.processes.joined(array))

    def _ordered(self, array: Array) -> Array:
        parts = array.reshape(self.processes.count, self.rounds, -1, *array.shape[1:])
        return parts.swapaxes(0, 1).reshape(array.shape)


def _column(values: list[Any], dtype: np.dtype[Any]) -> Array:
    if not dtype.hasobject:
        return np.array(values, dtype=dtype)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
