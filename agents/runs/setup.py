"""Everything of a training run that can be made and checked before a model is built."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import torch
from stable_baselines3.common.utils import get_device

from agents.algorithms.a2c import A2C
from agents.algorithms.base import TextOnPolicy
from agents.algorithms.grpo import GRPO
from agents.algorithms.ppo import PPO
from agents.algorithms.rloo import RLOO
from agents.algorithms.sft import SFT
from agents.config.config_reader import typed
from agents.config.run_config import RunConfig
from agents.learning.optimizers import MuonAdam
from agents.models.engine import make_engine
from agents.models.lora import make_lora
from agents.models.truncation import make_truncation
from agents.policy import TransformerPolicy
from agents.vec_env import TextVecEnv, make_vec_env
from textgym import Reward, Sample, make_reward
from textgym.data import fingerprint
from textgym.errors import ConfigError, did_you_mean

Learner = type[PPO] | type[A2C] | type[RLOO] | type[GRPO]
LEARNERS: dict[str, Learner] = {"PPO": PPO, "A2C": A2C, "RLOO": RLOO, "GRPO": GRPO}
OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "muon": MuonAdam}
MANAGED = ("policy", "env", "policy_kwargs", "seed", "device", "stats_window_size", "tensorboard_log", "verbose")


@dataclass(frozen=True)
class Setup:
    """The environments of a run and its algorithm.

    Attributes:
        config: Checked.
        learner: The algorithm of the reinforcement.
        options: Its arguments.
        train_env: The training samples, with the environment's own reward.
        paid_env: The same, with the reward that reinforcement gets.
        validation_env: Held-out samples to choose by; None when the task has no such split.
        judges: The metrics of the comparison.
    """

    config: RunConfig
    learner: Learner
    options: Mapping[str, Any]
    train_env: TextVecEnv
    paid_env: TextVecEnv
    validation_env: TextVecEnv | None
    judges: Sequence[Reward]

    def supervised(self, learning_rate: Any) -> SFT:
        """Return the algorithm of the warm start, with the untrained model."""
        warm = self.config.warm_start
        return SFT(
            TransformerPolicy,
            self.train_env,
            validation_env=self.validation_env,
            learning_rate=learning_rate,
            batch_size=warm.batch_size,
            label_smoothing=warm.label_smoothing,
            evaluate_every=warm.evaluate_every,
            validation_samples=warm.validation_samples,
            patience=warm.patience,
            policy_kwargs=self._policy_kwargs(self.config.model),
            seed=self.config.seed,
            device=self.config.device,
        )

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate of the reinforcement's options, or the algorithm's default."""
        default = inspect.signature(self.learner).parameters["learning_rate"].default
        return float(self.options.get("learning_rate", default))

    def reinforced(self, model: Any, learning_rate: Any) -> TextOnPolicy:
        """Return the algorithm of the reinforcement, which starts from ``model``."""
        return self.learner(
            TransformerPolicy,
            self.paid_env,
            policy_kwargs={
                **self._policy_kwargs(model),
                "detach_value": self.config.reinforcement.detach_value,
                "unfrozen_layers": self.config.reinforcement.unfrozen_layers,
                "optimizer_class": OPTIMIZERS[self.config.reinforcement.optimizer],
            },
            stats_window_size=self._rollout_responses,  # means over one rollout
            seed=self.config.seed,
            device=self.config.device,
            **(dict(self.options) | {"learning_rate": learning_rate}),
        )

    @property
    def _rollout_responses(self) -> int:
        group = inspect.signature(self.learner).parameters.get("responses_per_prompt")
        per_prompt = self.options.get("responses_per_prompt", 1 if group is None else group.default)
        return int(self.options.get("rollout_responses") or self.config.num_envs * per_prompt)

    def _policy_kwargs(self, model: Any) -> dict[str, Any]:
        """Return what the policies of warm start and reinforcement share, so that one goes on from the other's."""
        hidden = self.config.reinforcement.value_hidden
        given = {name: value for name in ("truncation", "lora", "engine") if (value := getattr(self.config, name))}
        same = {name: getattr(self.config, name) for name in ("temperature", "repetition_penalty")}
        return {"model": model, "value_hidden": hidden, **same, **given}

    def fingerprint(self) -> dict[str, Any]:
        """Return what identifies the data and the judges: counts, hashes and signatures."""
        episodes = self.train_env.venv.episodes
        return {
            "data": {
                split: {"count": len(episodes.task.samples(split)), "fingerprint": fingerprint(episodes.task, split)}
                for split in episodes.task.splits
            },
            "tokenizer": episodes.tokenizer.signature,
            "reward": self.paid_env.venv.episodes.reward.signature,
            "judges": {judge.name: [judge.signature, judge.corpus_signature] for judge in self.judges},
        }


def make_setup(config: RunConfig) -> Setup:
    """Make the environments of a run and check all that can be checked without a model.

    Raises:
        ConfigError: An environment, split, reward, argument or algorithm option is unknown or does not fit.
        DataError: The samples cannot be read.
    """
    check_device(config.device)
    make_truncation(config.truncation)
    make_lora(config.lora)
    make_engine(config.engine)
    learner = LEARNERS[config.reinforcement.algorithm]
    options = checked_options(learner, config.reinforcement.options)
    train_env = _environment(config, "train")
    _environment(config, config.evaluation.split).close()
    splits = train_env.venv.episodes.task.splits
    paid = {"reward": constant_reward} if config.reinforcement.constant_reward else {}
    setup = Setup(
        config,
        learner,
        options,
        train_env=train_env,
        paid_env=_environment(config, "train", **paid) if paid else train_env,
        validation_env=_environment(config, "validation") if "validation" in splits else None,
        judges=[make_reward(spec) for spec in config.evaluation.rewards] or [train_env.venv.episodes.reward],
    )
    if not 0 < setup.peak_learning_rate < math.inf:
        raise ConfigError(f"reinforcement.options.learning_rate must be positive, got {setup.peak_learning_rate}.")
    learner(TransformerPolicy, setup.paid_env, _init_setup_model=False, **options)  # checks sizes, builds no model
    return setup


def constant_reward(response: str, sample: Sample) -> float:
    """Pay every response alike: what learning does then, it does without the reward (Choshen et al., 2020, sec. 4)."""
    return 1.0


def _environment(config: RunConfig, split: str, **changes: Any) -> TextVecEnv:
    return make_vec_env(config.env, num_envs=config.num_envs, **(config.env_kwargs | {"split": split} | changes))


def check_device(name: str) -> None:
    """Refuse a device that is not there: Stable-Baselines3 would quietly take the CPU in its place.

    Raises:
        ConfigError: It cannot be used.
    """
    try:
        torch.empty(0, device=get_device(name) if name == "auto" else name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from error


def checked_options(learner: type[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an algorithm that a run gives, with their right types.

    Raises:
        ConfigError: One is unknown, of another type, or set by the run itself.
    """
    names = [name for name in inspect.signature(learner).parameters if not name.startswith("_")]
    known = [name for name in names if name not in MANAGED]
    kinds = get_type_hints(learner.__init__)
    for name in options:
        where = f"reinforcement.options.{name}"
        if name in MANAGED:
            raise ConfigError(f"{where} is set by the training run: seed, device and model are keys of their own.")
        if name not in known:
            raise ConfigError(f"{where} is not an argument of {learner.__name__}. {did_you_mean(name, known)}")
    return {name: typed(kinds[name], value, f"reinforcement.options.{name}") for name, value in options.items()}
