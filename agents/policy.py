"""A transformer as the policy of Stable-Baselines3's actor-critic algorithms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import CategoricalDistribution, Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from agents.learning.optimizers import MuonAdam
from agents.models.engine import Engine, make_engine
from agents.models.lora import Lora, make_lora
from agents.models.network import TextNetwork
from agents.models.pretrained import ModelSource, make_network
from agents.models.repetition import checked_penalty
from agents.models.truncation import Truncation, make_truncation
from agents.parallel.learning_pass import LearningPass
from textgym import TokenSpace
from textgym.arguments import whole_number
from textgym.editing import EditSpace
from textgym.errors import ConfigError


class Sequences(NamedTuple):
    """A minibatch of whole sequences, given to :meth:`TransformerPolicy.evaluate_actions` in place of single states.

    Attributes:
        observations: int64 [E, P + T], complete sequences.
        own: bool [E, T], which response positions hold the policy's own actions.
    """

    observations: Tensor
    own: Tensor


class TransformerPolicy(ActorCriticPolicy):
    """A Hugging Face language model with a value head, behind Stable-Baselines3's policy interface.

    The model stays in evaluation mode while it learns by reinforcement: with dropout, the probabilities of an update
    would not be those of the rollout, and the ratio would not start at 1.

    Args:
        observation_space: A ``TokenSpace``.
        action_space: ``Discrete(V)``.
        lr_schedule: The learning rate as a function of the remaining progress.
        model: A folder in Hugging Face format, a hub name, or a configuration for a model from scratch.
        temperature: Divides the logits, in sampling and in learning alike.
        truncation: Leaves unlikely tokens out, in sampling and in learning alike: ``{"top_k": 50}``,
            ``{"top_p": 0.9}``, ``{"min_p": 0.05}`` or several of them, see :mod:`agents.models.truncation`.
        repetition_penalty: Divides the logits of tokens that the decoder has read, or multiplies them if negative, in
            sampling and in learning alike; 1 is none, see :mod:`agents.models.repetition`.
        lora: Adapters, which then are all that learns beside the value head: ``{"rank": 8}``, see
            :class:`agents.models.lora.Lora`. The reference policy is the model with its adapters off, no second copy.
        unfrozen_layers: Only so many of the uppermost layers learn, and the value head. The reference policy then is a
            copy of these alone, and computes in the same pass. None: all layers learn.
        engine: How to compute: ``{"precision": "bfloat16"}`` and more, see :class:`agents.models.engine.Engine`.
        detach_value: Keep the gradient of the value loss out of the language model, which a value head that knows
            nothing yet would otherwise disturb.
        value_hidden: Units of the value head's hidden layer; 0 makes it linear.
        use_sde: Not available; here because Stable-Baselines3 passes it.
        optimizer_class: The optimizer; :class:`agents.learning.optimizers.MuonAdam` is told which weights are Muon's.
        optimizer_kwargs: Its arguments but the learning rate.
    """

    network: TextNetwork
    learning_pass: LearningPass

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        model: ModelSource | None = None,
        temperature: float = 1.0,
        truncation: Truncation | Mapping[str, Any] | None = None,
        repetition_penalty: float = 1.0,
        lora: Lora | Mapping[str, Any] | None = None,
        unfrozen_layers: int | None = None,
        engine: Engine | Mapping[str, Any] | None = None,
        detach_value: bool = False,
        value_hidden: int = 0,
        use_sde: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        _check_arguments(observation_space, action_space, model, use_sde)
        self.model_source = model
        self.temperature = temperature
        self.truncation = make_truncation(truncation)
        self.repetition_penalty = checked_penalty(repetition_penalty)
        self.lora = make_lora(lora)
        self.unfrozen_layers = _checked_layers(unfrozen_layers, self.lora)
        self.engine = make_engine(engine)
        self.detach_value = detach_value
        self.value_hidden = value_hidden
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
        assert self.model_source is not None
        space = cast(TokenSpace, self.observation_space)
        self.network = make_network(
            self.model_source,
            space,
            self.temperature,
            self.detach_value,
            self.value_hidden,
            self.truncation,
            self.lora,
            self.engine,
            self.unfrozen_layers,
            self.repetition_penalty,
        )
        for tensor in (*self.network.parameters(), *self.network.buffers()):
            tensor.data = tensor.data.clone()  # in torch's aligned memory: a product's last bit may depend on alignment
        self.learning_pass = LearningPass(self.network)
        given: dict[str, Any] = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        if issubclass(self.optimizer_class, MuonAdam):
            given["matrices"] = self.network.hidden_matrices()
        self.optimizer = self.optimizer_class([p for p in self.parameters() if p.requires_grad], **given)

    def set_training_mode(self, mode: bool) -> None:
        """Keep evaluation mode; supervised learning, which wants dropout, sets the network's mode itself."""
        self.train(False)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions int64 [B], values [B, 1] and the actions' log-probabilities [B] for observations."""
        hidden, before = self.network.current_state(obs)
        distribution = _categorical(self.network.log_distribution(hidden, before))
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, self.network.values(hidden)[:, None], distribution.log_prob(actions)

    def evaluate_actions(self, obs: PyTorchObs | Sequences, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return values [N, 1], log-probabilities [N] and entropies [N] of N actions.

        Args:
            obs: Single states [N, P + T], or :class:`Sequences` that hold N own actions.
            actions: int64 [N]; for sequences, the own actions row by row.
        """
        if isinstance(obs, Sequences):
            values, log_probs, entropies = self._evaluate_sequences(obs, actions.long())
        else:
            hidden, before = self.network.current_state(cast(Tensor, obs))
            values, log_probs, entropies = self.network.evaluate(hidden, before, actions.long().flatten())
        return values[:, None], log_probs, entropies

    def _evaluate_sequences(self, sequences: Sequences, actions: Tensor) -> tuple[Tensor, ...]:
        def work(network: TextNetwork, rows: slice, tokens: slice) -> tuple[Tensor, ...]:
            return network.evaluate_sequences(sequences.observations[rows], sequences.own[rows], actions[tokens])

        return self.learning_pass(sequences.own.sum(dim=1), work)

    def get_distribution(self, obs: PyTorchObs) -> Distribution:
        """Return the distribution of the next token for observations [B, P + T]."""
        hidden, before = self.network.current_state(cast(Tensor, obs))
        return _categorical(self.network.log_distribution(hidden, before))

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        """Return the values, float32 [B, 1], of observations [B, P + T]."""
        hidden, _ = self.network.current_state(cast(Tensor, obs))
        return self.network.values(hidden)[:, None]

    def save(self, path: str | Path) -> None:
        """Write the policy as a folder of safetensors and JSON; its ``model`` part is a plain Hugging Face folder."""
        from agents.checkpoints.checkpoint import save_policy

        save_policy(self, Path(path))

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "auto") -> TransformerPolicy:
        """Read a policy that :meth:`save` or an algorithm's ``save`` wrote; nothing is unpickled."""
        from agents.checkpoints.checkpoint import load_policy

        return load_policy(Path(path), device)


def _categorical(log_probs: Tensor) -> Distribution:
    distribution = CategoricalDistribution(log_probs.shape[-1])
    return distribution.proba_distribution(action_logits=log_probs)


def _checked_layers(count: int | None, lora: Lora | None) -> int | None:
    if count is None:
        return None
    if whole_number("unfrozen_layers", count) < 1:
        raise ConfigError(f"unfrozen_layers must be at least 1, or None for all, got {count}.")
    if lora is not None:
        raise ConfigError("With lora= adapters learn in place of layers: leave unfrozen_layers out.")
    return count


def _check_arguments(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any], model: ModelSource | None, use_sde: bool
) -> None:
    if not isinstance(observation_space, TokenSpace):
        raise ConfigError(
            f"TransformerPolicy needs an environment whose observations are a TokenSpace, got {observation_space}. "
            "Wrappers that change observations (frame stacking, normalisation) must be taken off."
        )
    if isinstance(observation_space, EditSpace):
        raise ConfigError("TransformerPolicy writes token by token: where drafts are edited, use agents.PointerPolicy.")
    if not isinstance(action_space, spaces.Discrete) or action_space.n != observation_space.vocab_size:
        raise ConfigError(f"Actions must be Discrete({observation_space.vocab_size}), got {action_space}.")
    if model is None:
        raise ConfigError(
            "TransformerPolicy needs a model: policy_kwargs=dict(model='gpt2'), a folder, or a configuration such as "
            "dict(model={'model_type': 'gpt2', 'n_embd': 128, 'n_layer': 2, 'n_head': 4})."
        )
    if use_sde:
        raise ConfigError("use_sde is for continuous actions: leave it out.")
