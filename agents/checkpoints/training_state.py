"""What learning holds beside weights and optimizer, so that it goes on from a checkpoint as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from torch import Tensor

from agents.checkpoints.files import read_json, write_json
from agents.checkpoints.random_state import random_state, set_random_state
from agents.parallel.processes import current
from agents.vec_env import transparent

COUNTERS = ("num_timesteps", "_n_updates", "_total_timesteps", "_num_timesteps_at_start", "_current_progress_remaining")
OWN, RANDOM = "own.", "random."  # begin the names of the tensors of the algorithm and of the generators


@dataclass(frozen=True)
class TrainingState:
    """Counters, episodes, numbers not yet logged, the environment and the random generators, between two rollouts.

    Attributes:
        values: JSON values.
        tensors: By name, on the CPU.
    """

    values: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def of(cls, algorithm: Resumable) -> TrainingState:
        """Return the present state of an algorithm, a copy."""
        own, own_tensors = algorithm.own_state()
        unlogged = _unlogged(algorithm)
        values = {
            "counters": {name: getattr(algorithm, name) for name in COUNTERS},
            "episodes": [dict(episode) for episode in algorithm.ep_info_buffer or ()],
            "successes": [float(success) for success in algorithm.ep_success_buffer or ()],
            "unlogged": [[name, count, excluded] for name, _, count, excluded in unlogged],
            "environment": _environment(algorithm),
            "own": own,
        }
        tensors = {"unlogged": torch.tensor([value for _, value, *_ in unlogged], dtype=torch.float64)}
        tensors |= {f"{OWN}{name}": tensor for name, tensor in own_tensors.items()}
        tensors |= {f"{RANDOM}{name}": tensor for name, tensor in random_state().items()}
        return cls(values, tensors)

    def write(self, folder: Path) -> None:
        """Write the state into the folder of a checkpoint."""
        write_json(folder / "training_state.json", self.values)
        separate = {name: tensor.contiguous().clone() for name, tensor in self.tensors.items()}  # tied weights share
        save_file(separate, folder / "training_state.safetensors")

    @classmethod
    def read(cls, folder: Path) -> TrainingState | None:
        """Read the state from a checkpoint; None when it has none, as those of format 1."""
        if not (folder / "training_state.json").is_file():
            return None
        tensors = load_file(folder / "training_state.safetensors")
        return cls(read_json(folder / "training_state.json"), {name: value.clone() for name, value in tensors.items()})

    def restore_environment(self, algorithm: Resumable) -> str | None:
        """Put the lanes where they were; return why that cannot be, None when it was done or there is nothing to do."""
        lanes, stored = transparent(algorithm.env), self.values["environment"]
        if lanes is None or stored is None:
            return None if stored is None else "it stands in wrappers"
        differing = [name for name, value in stored["description"].items() if lanes.description[name] != value]
        if differing:
            return f"it differs in {', '.join(differing)}"
        algorithm._last_obs = lanes.restore(stored["lanes"])  # type: ignore[assignment]
        algorithm._last_episode_starts = np.array(stored["starts"], dtype=bool)[current().mine(lanes.all_lanes)]
        return None

    def restore(self, algorithm: Resumable) -> None:
        """Put all but the environment where it was, the random generators last."""
        assert algorithm.ep_info_buffer is not None, "learning has been set up"
        assert algorithm.ep_success_buffer is not None, "learning has been set up"
        algorithm.ep_info_buffer.extend(self.values["episodes"])
        algorithm.ep_success_buffer.extend(self.values["successes"])
        numbers = zip(self.values["unlogged"], self.tensors["unlogged"].tolist(), strict=True)
        for (name, count, excluded), value in numbers:
            algorithm.logger.name_to_value[name] = value
            algorithm.logger.name_to_count[name] = count
            algorithm.logger.name_to_excluded[name] = tuple(excluded)
        algorithm.set_own_state(self.values["own"], self._tensors(OWN))
        set_random_state(self._tensors(RANDOM))

    def _tensors(self, prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


class Resumable(BaseAlgorithm):
    """Mixes into algorithms that go on, to the last bit, from what they have saved.

    A checkpoint holds the state between two rollouts or updates: the present one, or, while a rollout is going on, that
    of the rollout's beginning, since weights and optimizer are still those of then. ``load`` keeps that state until
    ``learn(..., reset_num_timesteps=False)``, which takes it up; any other ``learn`` begins anew.
    """

    _saved: TrainingState | None = None  # of the checkpoint that this was loaded from, until learn() takes it up
    _before_rollout: TrainingState | None = None

    def training_state(self) -> TrainingState:
        """Return what a checkpoint holds."""
        return self._saved or self._before_rollout or TrainingState.of(self)

    def merit(self) -> float | None:
        """Return how good the policy is by what learning itself measures, more is better; None before it did."""
        return None

    def own_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what only this algorithm holds: JSON values, and tensors by name."""
        return {}, {}

    def set_own_state(self, values: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take up what :meth:`own_state` gave."""

    def _setup_learn(
        self, total_timesteps: int, callback: Any = None, reset_num_timesteps: bool = True, *rest: Any, **named: Any
    ) -> tuple[int, BaseCallback]:
        saved, self._saved, self._before_rollout = self._saved, None, None
        if saved is None or reset_num_timesteps:
            return super()._setup_learn(total_timesteps, callback, reset_num_timesteps, *rest, **named)
        problem = saved.restore_environment(self)
        result = super()._setup_learn(total_timesteps, callback, reset_num_timesteps, *rest, **named)
        if problem is not None:
            self.logger.log(f"The environment is not that of the checkpoint ({problem}): new episodes begin.")
        saved.restore(self)
        return result


def _unlogged(algorithm: BaseAlgorithm) -> list[tuple[str, float, int, list[str]]]:
    """Return the numbers recorded since the last line of the log: name, value, count, and which formats omit it."""
    logger: Logger | None = getattr(algorithm, "_logger", None)
    if logger is None:
        return []
    return [
        (name, float(value), logger.name_to_count[name], list(logger.name_to_excluded[name]))
        for name, value in dict(logger.name_to_value).items()
        if isinstance(value, Real)
    ]


def _environment(algorithm: BaseAlgorithm) -> dict[str, Any] | None:
    """Return the state of the lanes; None before they were reset, and where wrappers have states of their own."""
    lanes = transparent(algorithm.env)
    if lanes is None or algorithm._last_obs is None:
        return None
    starts = current().joined(np.asarray(algorithm._last_episode_starts, dtype=bool)).tolist()
    return {"description": lanes.description, "lanes": lanes.snapshot(), "starts": starts}
