"""What a training run is: frozen dataclasses that hold every choice, and check what can be checked without a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from textgym.errors import ConfigError


@dataclass(frozen=True)
class WarmStartConfig:
    """Supervised learning from the references, until validation stops improving or the time or the tokens are used up.

    Attributes:
        enabled: False goes straight to reinforcement, as suits a pretrained model.
        learning_rate: The peak; it rises linearly to it and falls linearly to 0.
        warmup_fraction: The share of the planned tokens or seconds over which it rises.
        batch_size: Responses per update.
        total_timesteps: Response tokens to learn from at most.
        max_seconds: Seconds to learn at most; null for no limit.
        label_smoothing: The share of each target that is spread over all tokens.
        evaluate_every: Updates between two validations.
        validation_samples: Samples per validation.
        patience: Validations without improvement after which the warm start ends.
    """

    enabled: bool = True
    learning_rate: float = 1e-3
    warmup_fraction: float = 0.05
    batch_size: int = 64
    total_timesteps: int = 5_000_000
    max_seconds: float | None = None
    label_smoothing: float = 0.0
    evaluate_every: int = 100
    validation_samples: int = 500
    patience: int = 5

    def __post_init__(self) -> None:
        positive = (
            "learning_rate",
            "batch_size",
            "total_timesteps",
            "evaluate_every",
            "validation_samples",
            "patience",
        )
        _check("warm_start", self, (*positive, "max_seconds"))
        _check_fraction("warm_start", self, "warmup_fraction")
        _check_fraction("warm_start", self, "label_smoothing")


@dataclass(frozen=True)
class ReinforcementConfig:
    """Reinforcement learning on the environment's reward.

    Attributes:
        enabled: False only does the warm start.
        algorithm: The learner.
        optimizer: muon moves weight matrices by Muon and all else by Adam; its learning rate is of the size of Adam's.
        total_timesteps: Response tokens to write at most.
        max_seconds: Seconds to learn at most; null for no limit.
        warmup_fraction: The learning rate of the options is a peak: it rises over this share and then falls to 0.
        detach_value: Keep the gradient of the value loss out of the language model.
        value_hidden: Units of the value head's hidden layer; 0 makes it linear.
        unfrozen_layers: Only so many of the uppermost layers learn, and the value head; null for all.
        constant_reward: The control experiment: every response is paid 1, whatever it says.
        options: Arguments of the algorithm, such as {learning_rate: 1e-4, rollout_responses: 256}.
    """

    enabled: bool = True
    algorithm: Literal["PPO", "A2C", "RLOO", "GRPO"] = "PPO"
    optimizer: Literal["adam", "muon"] = "adam"
    total_timesteps: int = 1_000_000
    max_seconds: float | None = None
    warmup_fraction: float = 0.05
    detach_value: bool = False
    value_hidden: int = 0
    unfrozen_layers: int | None = None
    constant_reward: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("reinforcement", self, ("total_timesteps", "max_seconds", "unfrozen_layers"))
        _check_fraction("reinforcement", self, "warmup_fraction")


@dataclass(frozen=True)
class EvaluationConfig:
    """How the policies are compared at the end, and watched on the way.

    Attributes:
        rewards: Metrics of the table; empty means the environment's own reward.
        num_samples: How many samples of the split are answered.
        split: Which samples.
        continued_warm_start: Also go on with the warm start for as long as reinforcement learns, for a fair comparison.
        continued_learning_rate: Its constant learning rate; null is a tenth of the warm start's peak.
        examples: Sample episodes that are shown.
        curve_every_seconds: Seconds of learning between two points of the learning curve; they cost no learning time.
        curve_every_timesteps: Tokens between two points, in place of seconds: then equal runs have equal points.
        curve_samples: Validation samples per point.
    """

    rewards: list[str] = field(default_factory=list)
    num_samples: int = 1000
    split: str = "test"
    continued_warm_start: bool = True
    continued_learning_rate: float | None = None
    examples: int = 3
    curve_every_seconds: float = 10.0
    curve_every_timesteps: int | None = None
    curve_samples: int = 200

    def __post_init__(self) -> None:
        curve = ("curve_every_seconds", "curve_every_timesteps", "curve_samples")
        _check("evaluation", self, ("num_samples", "continued_learning_rate", *curve))
        if self.examples < 0:
            raise ConfigError(f"evaluation.examples must be at least 0, got {self.examples}.")


@dataclass(frozen=True)
class CheckpointConfig:
    """What a run saves on its way, so that ``textgym train --resume`` loses little after a crash.

    Attributes:
        every_seconds: Seconds between two checkpoints; null for none by the clock.
        every_updates: Updates between two checkpoints, in reinforcement rollouts; null for none by their number.
        keep_last: How many of each phase are kept, beside the best one.
        strict: End with an error when a checkpoint could not be written; otherwise that is only told.
    """

    every_seconds: float | None = 300.0
    every_updates: int | None = None
    keep_last: int = 3
    strict: bool = False

    def __post_init__(self) -> None:
        _check("checkpoints", self, ("every_seconds", "every_updates", "keep_last"))


@dataclass(frozen=True)
class ParallelConfig:
    """How processes that were launched together get along; one process alone has no use for it.

    Attributes:
        timeout_seconds: How long a process waits for the others in an exchange before the run ends with an error.
    """

    timeout_seconds: float = 600.0

    def __post_init__(self) -> None:
        _check("parallel", self, ("timeout_seconds",))


@dataclass(frozen=True)
class RunConfig:
    """A whole training run.

    Attributes:
        env: The id of an environment.
        env_kwargs: Its arguments, such as {reward: bleu, max_new_tokens: 40}.
        num_envs: Lanes that reinforcement plays at once, in all processes together.
        seed: Of weights, sampling and the order of samples.
        threads: Threads of each process that computes.
        device: Where to compute; auto takes a GPU when there is one.
        run_folder: Where everything is written; null is runs/<environment>-<time>-s<seed>.
        model: A folder or hub name, or a configuration from scratch such as {model_type: gpt2, n_embd: 128}.
        temperature: Divides the logits, in sampling and in learning.
        truncation: Leaves unlikely tokens out, in sampling and in learning, such as {top_p: 0.9}; empty for none.
        repetition_penalty: Divides the logits of tokens that stand before, in sampling and in learning; 1 is none.
        lora: Adapters that learn in place of the model's weights, such as {rank: 8}; empty for none.
        engine: How to compute, such as {precision: bfloat16, compile: true}; empty for the plain way.
        warm_start: Supervised learning.
        reinforcement: Reinforcement learning.
        evaluation: The comparison.
        checkpoints: What is saved on the way.
        parallel: Several processes.
    """

    env: str
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    num_envs: int = 64
    seed: int = 0
    threads: int = 1
    device: str = "auto"
    run_folder: str | None = None
    model: dict[str, Any] | str = field(
        default_factory=lambda: {"model_type": "gpt2", "n_embd": 128, "n_layer": 4, "n_head": 4}
    )
    temperature: float = 1.0
    truncation: dict[str, Any] = field(default_factory=dict)
    repetition_penalty: float = 1.0
    lora: dict[str, Any] = field(default_factory=dict)
    engine: dict[str, Any] = field(default_factory=dict)
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    reinforcement: ReinforcementConfig = field(default_factory=ReinforcementConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)

    def __post_init__(self) -> None:
        _check("", self, ("num_envs", "threads", "temperature", "repetition_penalty"))
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed must lie in [0, 2**32), got {self.seed}.")
        if not (self.warm_start.enabled or self.reinforcement.enabled):
            raise ConfigError("warm_start.enabled and reinforcement.enabled are both false: nothing would be learned.")
        for name, instead in MANAGED.items():
            if name in self.env_kwargs:
                raise ConfigError(f"env_kwargs.{name} is not for a training run, which sets it itself: {instead}.")

    @property
    def continues_warm_start(self) -> bool:
        """Whether the comparison has a row for the warm start continued."""
        return self.evaluation.continued_warm_start and self.warm_start.enabled and self.reinforcement.enabled

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, from which ``--config`` makes an equal run; the run's own folder is left out."""
        return asdict(self) | {"run_folder": None}


MANAGED = {
    "split": "learning uses 'train' and 'validation', the comparison evaluation.split",
    "num_envs": "use num_envs",
    "autoreset_mode": "leave it out",
    "task": "it belongs to the environment id",
}


def _check(section: str, config: object, positive: Sequence[str]) -> None:
    for name, value in _named(section, config, positive).items():
        if value is not None and not 0 < value < math.inf:
            raise ConfigError(f"{name} must be positive and finite, got {value}.")


def _check_fraction(section: str, config: object, name: str) -> None:
    for path, value in _named(section, config, (name,)).items():
        if not 0 <= value < 1:
            raise ConfigError(f"{path} must lie in [0, 1), got {value}.")


def _named(section: str, config: object, names: Sequence[str]) -> Mapping[str, Any]:
    """Return values by their full path in the configuration."""
    return {f"{section}.{name}" if section else name: getattr(config, name) for name in names}
