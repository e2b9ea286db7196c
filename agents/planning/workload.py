"""What a run does, as far as its memory depends on it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.config.run_config import RunConfig
from agents.models.engine import Engine, make_engine
from agents.models.lora import Lora, make_lora
from agents.models.pretrained import ModelSource
from agents.models.truncation import Truncation, make_truncation
from agents.runs.setup import LEARNERS
from textgym import TokenSpace


@dataclass(frozen=True)
class Workload:
    """What a run does, with prompts and responses as long as they may be.

    Attributes:
        model: Where the policy's model comes from.
        space: P, T and V.
        algorithm: The learner's name.
        optimizer: "adam" or "muon".
        responses: Of a rollout.
        group: G, responses to one prompt.
        slots: How many responses are written at once; None for all.
        step_tokens: Tokens of a step of the optimizer, about; None for all of a rollout.
        part_tokens: Of those, the most whose activations are kept at once; None for all of a step.
        has_reference: Whether the distance to a reference policy is asked for.
        imitated: Responses in an update of the warm start; None where there is none.
        lora: Adapters.
        unfrozen_layers: How many of the uppermost layers learn; None for all.
        engine: How to compute.
        temperature: Of the policy.
        truncation: Of the policy.
        detach_value: Whether the value loss stays out of the language model.
        value_hidden: Units of the value head's hidden layer.
    """

    model: ModelSource
    space: TokenSpace
    algorithm: str
    optimizer: str
    responses: int
    group: int
    slots: int | None
    step_tokens: int | None
    part_tokens: int | None
    has_reference: bool
    imitated: int | None
    lora: Lora | None
    engine: Engine
    unfrozen_layers: int | None = None
    temperature: float = 1.0
    truncation: Truncation | None = None
    detach_value: bool = False
    value_hidden: int = 0
    repetition_penalty: float = 1.0

    @property
    def has_critic(self) -> bool:
        """Whether the algorithm learns values, and computes parts of a minibatch again in one backward pass."""
        return self.algorithm in ("PPO", "A2C")


def workload_of(config: RunConfig, space: TokenSpace, options: Mapping[str, Any], *, imitates: bool) -> Workload:
    """Return what a run does.

    Args:
        config: Of the run.
        space: Of its environment.
        options: The checked arguments of its algorithm.
        imitates: Whether its warm start counts.
    """
    parameters = inspect.signature(LEARNERS[config.reinforcement.algorithm]).parameters
    given = {name: options.get(name, parameter.default) for name, parameter in parameters.items()}
    group, responses = given.get("responses_per_prompt", 1), given["rollout_responses"]
    return Workload(
        model=config.model,
        space=space,
        algorithm=config.reinforcement.algorithm,
        optimizer=config.reinforcement.optimizer,
        responses=config.num_envs * group if responses is None else responses,
        group=group,
        slots=given["slots"],
        step_tokens=given.get("batch_size"),
        part_tokens=given.get("part_size"),
        has_reference=given["kl_coef"] is not None,
        imitated=config.warm_start.batch_size if imitates and config.warm_start.enabled else None,
        lora=make_lora(config.lora or None),
        engine=make_engine(config.engine),
        unfrozen_layers=config.reinforcement.unfrozen_layers,
        repetition_penalty=config.repetition_penalty,
        temperature=config.temperature,
        truncation=make_truncation(config.truncation or None),
        detach_value=config.reinforcement.detach_value,
        value_hidden=config.reinforcement.value_hidden,
    )
