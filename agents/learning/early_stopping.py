"""When supervised learning ends because validation no longer improves, and which weights it keeps."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from agents.parallel.processes import current

if TYPE_CHECKING:
    from agents.algorithms.sft import SFT

BEST = "best."  # begins the names of the best weights among the tensors of a state


class EarlyStopping:
    """Remembers the best weights of an algorithm and says when to stop.

    Args:
        algorithm: Validated every ``evaluate_every`` updates; one that has learned before starts from its best weights.

    Attributes:
        latest_loss: Of the latest validation; None before the first.
    """

    def __init__(self, algorithm: SFT) -> None:
        self.algorithm = algorithm
        learned_before = algorithm.best_loss < math.inf  # then the present weights are those of the best loss
        self._best_weights = copy.deepcopy(algorithm.policy.state_dict()) if learned_before else None
        self._waited = 0
        self.latest_loss: float | None = None

    def has_waited_enough(self) -> bool:
        """Return whether ``patience`` validations in a row were no better."""
        return self._waited >= self.algorithm.patience

    def validate_when_due(self) -> None:
        """Validate, if there is a validation environment and it is time."""
        algorithm = self.algorithm
        if algorithm.validation_env is not None and algorithm._n_updates % algorithm.evaluate_every == 0:
            self._validate()

    def _validate(self) -> None:
        algorithm = self.algorithm
        loss = algorithm.validation_loss()
        algorithm.logger.record("eval/loss", loss)
        self.latest_loss = loss
        self._waited += 1
        if loss < algorithm.best_loss:
            algorithm.best_loss, self._waited = loss, 0
            self._best_weights = copy.deepcopy(algorithm.policy.state_dict())

    def finish(self) -> None:
        """Validate the last weights and restore the best; what is learned after that is not waited for yet."""
        if self.algorithm.validation_env is not None:
            self._validate()
            if self._best_weights is not None:
                self.algorithm.policy.load_state_dict(self._best_weights)
        self._waited = 0

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return all that is remembered: JSON values, and the best weights by name, on the CPU."""
        best_loss = self.algorithm.best_loss
        best = best_loss if best_loss < math.inf else None
        values = {"waited": self._waited, "best_loss": best, "latest_loss": self.latest_loss}
        weights = current().put_together(dict(self._best_weights or {}))
        return values, {f"{BEST}{name}": weight.cpu() for name, weight in weights.items()}

    def set_state(self, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Remember what :meth:`state` gave, among other tensors."""
        self._waited, self.latest_loss = values["waited"], values["latest_loss"]
        self.algorithm.best_loss = math.inf if values["best_loss"] is None else values["best_loss"]
        weights = {name.removeprefix(BEST): tensor for name, tensor in tensors.items() if name.startswith(BEST)}
        present, device = self.algorithm.policy.state_dict(), self.algorithm.device
        apart = {name: current().take_apart(weight.to(device), present[name]) for name, weight in weights.items()}
        self._best_weights = apart or None
