"""When a run is saved on its way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from stable_baselines3.common.callbacks import BaseCallback

from agents.config.run_config import CheckpointConfig
from agents.parallel.processes import current
from agents.runs.stop_request import StopRequest


class Checkpointer(BaseCallback):
    """Saves between two rollouts or updates: when it is time, and before a wish to stop is obeyed.

    Processes that learn together save and stop together, when one of them finds that it is time.

    Args:
        save: Writes a checkpoint, or tells why not.
        config: When it is time.
        stop: The wish.
    """

    def __init__(self, save: Callable[[], None], config: CheckpointConfig, stop: StopRequest) -> None:
        super().__init__()
        self.save = save
        self.every_seconds = config.every_seconds or math.inf
        self.every_updates = config.every_updates or math.inf
        self.stop = stop

    def _on_training_start(self) -> None:
        self._begin_interval()

    def _begin_interval(self) -> None:
        self._began = time.monotonic()
        self._updates = 0

    def _on_rollout_start(self) -> None:
        self.stop.agree()
        if self._updates and (self.stop or current().any(self._is_due())):
            self.save()
            self._begin_interval()
        self.stop.obey()
        self._updates += 1

    def _is_due(self) -> bool:
        return self._updates >= self.every_updates or time.monotonic() - self._began >= self.every_seconds

    def _on_step(self) -> bool:
        return True
