"""A transformer that points at what to edit, as the policy of Stable-Baselines3's actor-critic algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from agents.models.edit_distribution import EditDistribution
from agents.models.pointer_network import PointerNetwork
from textgym.editing import EditActions, EditSpace
from textgym.errors import ConfigError

SMALL = {
    "model_type": "bert",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
}


class PointerPolicy(ActorCriticPolicy):
    """Chooses a kind of edit, then a position in the draft, then a token, among the legal edits only.

    ``log p = log p(kind) + log p(position | kind) + log p(token | kind, position)``. Stock PPO and A2C train it on
    editing environments (``textgym.editing.EditEnv``) with actions of three numbers; it needs no masks from outside,
    since what is legal follows from the observation. The model stays in evaluation mode: with dropout, the
    probabilities of an update would not be those of the rollout.

    Args:
        observation_space: An ``EditSpace``.
        action_space: ``MultiDiscrete([4, N, V])``.
        lr_schedule: The learning rate as a function of the remaining progress.
        model: The configuration of an encoder from scratch; the default has two layers of width 128.
        use_sde: Not available; here because Stable-Baselines3 passes it.
        optimizer_class: The optimizer.
        optimizer_kwargs: Its arguments but the learning rate.
    """

    network: PointerNetwork

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        model: Mapping[str, Any] | None = None,
        use_sde: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        _check_arguments(observation_space, action_space, use_sde)
        self.model_config = SMALL if model is None else dict(model)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            ortho_init=False,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )

    def _build(self, lr_schedule: Schedule) -> None:
        self.network = PointerNetwork(cast(EditSpace, self.observation_space), self.model_config)
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def set_training_mode(self, mode: bool) -> None:
        """Keep evaluation mode."""
        self.train(False)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions int64 [B, 3], values [B, 1] and the actions' log-probabilities [B] for observations."""
        distribution, values = self.network(obs)
        actions = distribution.get_actions(deterministic)
        return actions, values[:, None], distribution.log_prob(actions)

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        return self.get_distribution(observation).get_actions(deterministic)

    def evaluate_actions(self, obs: PyTorchObs, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return values [B, 1], log-probabilities [B] and estimates of the entropy [B] of actions [B, 3].

        The entropies are those of :meth:`agents.models.edit_distribution.EditDistribution.evaluate`.
        """
        distribution, values = self.network(cast(Tensor, obs))
        return values[:, None], *distribution.evaluate(actions.long())

    def get_distribution(self, obs: PyTorchObs) -> EditDistribution:  # type: ignore[override]
        """Return the distribution of the next edit."""
        distribution: EditDistribution = self.network(cast(Tensor, obs))[0]
        return distribution

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        """Return the values, float32 [B, 1], of observations."""
        values: Tensor = self.network(cast(Tensor, obs))[1]
        return values[:, None]

    def save(self, path: str | Path) -> None:
        """Write the policy as a folder of safetensors and JSON."""
        from agents.checkpoints.pointer import save_pointer

        save_pointer(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "auto") -> PointerPolicy:
        """Read a policy that :meth:`save` wrote; nothing is unpickled."""
        from agents.checkpoints.pointer import load_pointer

        return load_pointer(Path(path), device)


def _check_arguments(observation_space: spaces.Space[Any], action_space: spaces.Space[Any], use_sde: bool) -> None:
    if not isinstance(observation_space, EditSpace):
        raise ConfigError(
            f"PointerPolicy needs an environment in which a draft is edited, such as textgym/Edit-v0, got observations "
            f"in {observation_space}. Wrappers that change observations must be taken off."
        )
    expected = EditActions(observation_space).space
    if action_space != expected:
        raise ConfigError(f"Actions must be {expected}: make the environment without flat=True, got {action_space}.")
    if use_sde:
        raise ConfigError("use_sde is for continuous actions: leave it out.")
