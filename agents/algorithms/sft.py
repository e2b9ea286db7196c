"""Supervised fine-tuning on references: the warm start without which reinforcement finds nothing to reinforce."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.type_aliases import MaybeCallback, Schedule
from torch import Tensor

from agents.algorithms.base import as_vec_env, stored_arguments
from agents.checkpoints.training_state import Resumable
from agents.learning.early_stopping import EarlyStopping
from agents.learning.memory import checked_part_size, half_of, out_of_memory
from agents.learning.token_losses import token_losses
from agents.learning.token_progress import CountsTokens
from agents.parallel.processes import current
from agents.policy import TransformerPolicy
from agents.vec_env import TextVecEnv, transparent
from textgym.errors import ConfigError, DataError
from textgym.responses import Demonstrations


class SFT(CountsTokens, Resumable):
    """Maximises the likelihood of references by teacher forcing, under the distribution that the policy samples from.

    Each epoch visits every sample once in random order, with one of its references drawn at random.

    Args:
        policy: :class:`agents.TransformerPolicy`.
        env: An environment of ``agents.make_vec_env``, a native vector environment, or an id.
        validation_env: The same for held-out samples; with it, learning stops early and the best weights are kept.
        learning_rate: A number, or a function of the remaining progress.
        batch_size: Responses per update.
        part_size: The most tokens of responses whose activations are kept at once, see :class:`agents.PPO`.
        label_smoothing: This share of the target's probability is spread evenly over all allowed tokens.
        evaluate_every: Updates between two validations.
        validation_samples: How many of the validation samples are used.
        patience: Learning stops after this many validations without a better loss.
        max_grad_norm: Gradients are clipped to this norm.
        policy_kwargs: For the policy: ``model``, ``temperature``, ``optimizer_class``.
        stats_window_size: Unused here; the argument of all algorithms.
        tensorboard_log: Folder for TensorBoard.
        verbose: 0, 1 or 2.
        seed: Of the weights of a model from scratch and of the order of samples.
        device: "auto" takes a GPU when there is one.
    """

    policy: TransformerPolicy

    def __init__(
        self,
        policy: type[TransformerPolicy] = TransformerPolicy,
        env: Any = None,
        *,
        validation_env: Any = None,
        learning_rate: float | Schedule = 3e-4,
        batch_size: int = 64,
        part_size: int | None = None,
        label_smoothing: float = 0.0,
        evaluate_every: int = 100,
        validation_samples: int = 500,
        patience: int = 5,
        max_grad_norm: float = 1.0,
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        self.arguments = stored_arguments(locals())
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing must lie in [0, 1), got {label_smoothing}.")
        counts = {"batch_size": batch_size, "evaluate_every": evaluate_every, "patience": patience}
        for name, count in (counts | {"validation_samples": validation_samples}).items():
            if count < 1:
                raise ConfigError(f"{name} counts, and must be at least 1, got {count}.")
        super().__init__(
            policy,
            as_vec_env(env),
            learning_rate=learning_rate,
            policy_kwargs=policy_kwargs,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            support_multi_env=True,
            seed=seed,
            device=device,
        )
        self.batch_size, self.part_size = batch_size, checked_part_size(part_size)
        self.label_smoothing = label_smoothing
        self.evaluate_every = evaluate_every
        self.validation_samples = validation_samples
        self.patience = patience
        self.max_grad_norm = max_grad_norm
        self.validation_env = None if validation_env is None else _lanes(as_vec_env(validation_env))
        self.best_loss = math.inf
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        self.policy = self.policy_class(  # type: ignore[assignment]
            self.observation_space, self.action_space, self.lr_schedule, use_sde=False, **self.policy_kwargs
        )
        self.policy = self.policy.to(self.device)
        self.policy.network.part_size = self.part_size
        current().check_seed(self.seed)
        self.policy.learning_pass = current().learning_pass(
            self.policy.network, self.policy.optimizer, self.max_grad_norm
        )
        self.policy.optimizer = self.policy.learning_pass.moving(self.policy.optimizer)
        self._rng = np.random.default_rng(self.seed)
        self._order: list[int] = []  # of the samples that this epoch has still to visit
        self._stopping = EarlyStopping(self)

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 50,
        tb_log_name: str = "SFT",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> SFT:
        """Learn until ``total_timesteps`` tokens were seen, validation stops improving, or a callback says so.

        Callbacks see one step per update; with a validation environment the best weights are restored at the end.
        """
        if reset_num_timesteps:
            self._order = []
        self._stopping = EarlyStopping(self)
        total_timesteps, callback = self._setup_learn(
            total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar
        )
        callback.on_training_start(locals(), globals())
        indices = _fitting(_lanes(self.env))
        while self.num_timesteps < total_timesteps and not self._stopping.has_waited_enough():
            callback.on_rollout_start()  # no update is under way here, so that a checkpoint may be written
            loss = self._update(self._next_rows(indices))
            self._update_current_progress_remaining(self.num_timesteps, total_timesteps)
            self._stopping.validate_when_due()
            if log_interval and self._n_updates % log_interval == 0:
                self._dump(loss)
            callback.update_locals(locals())
            if current().any(not callback.on_step()):  # all stop where a callback of one asks to
                break
        self._stopping.finish()
        callback.on_training_end()
        return self

    def _next_rows(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if len(self._order) < self.batch_size:
            self._order.extend(self._rng.permutation(indices).tolist())
        rows, self._order = self._order[: self.batch_size], self._order[self.batch_size :]
        return np.asarray(rows)

    def _update(self, indices: npt.NDArray[np.int64]) -> float:
        batch = _lanes(self.env).venv.demonstrations(indices, self._rng)
        network = self.policy.network
        network.model.train()  # the model's own dropout regularises imitation
        self._update_learning_rate(self.policy.optimizer)
        told = self._gradient(batch)
        if told is None:
            self._halve_parts(batch)
            told = self._gradient(batch, last_chance=True)
        assert told is not None, "the last chance raises"
        loss, count = told
        if not count:  # the mean would be NaN, and no token would ever count
            raise DataError(
                "No token of these references may be written: the environment's allowed tokens or min_new_tokens "
                f"forbid all of them (samples {indices[:5].tolist()}). Allow some, or take other data."
            )
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        network.model.eval()
        self.num_timesteps += count
        self._n_updates += 1
        return loss

    def _gradient(self, batch: Demonstrations, last_chance: bool = False) -> tuple[float, int] | None:
        """Compute the gradient of the mean loss; return the loss and of how many tokens, None where memory ran out."""
        self.policy.optimizer.zero_grad()
        try:
            with current().own_randomness(self.device):
                losses = token_losses(
                    self.policy.network, batch, self.device, self.label_smoothing, self.policy.learning_pass
                )
            if not len(losses):
                return math.nan, 0
            loss = losses.mean()
            loss.backward()
            return loss.item(), len(losses)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if last_chance or not out_of_memory(error):
                raise
        return None  # here nothing refers to the error any more, and to the tensors of its frames

    def _halve_parts(self, batch: Demonstrations) -> None:
        own = batch.responses >= 0 if batch.own is None else batch.own
        self.part_size = half_of(self.part_size, own.sum(axis=1), self.logger)
        self.policy.network.part_size = self.arguments["part_size"] = self.part_size

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Return the mean negative log-likelihood of validation tokens, nats, first reference of each sample."""
        venv = _lanes(self.validation_env).venv
        indices = _fitting(_lanes(self.validation_env))[: self.validation_samples]
        parts = np.array_split(indices, -(-len(indices) // self.batch_size))
        sums = []
        network = self.policy.network
        with current().whole(network):
            for part in parts[current().mine(len(parts))]:
                losses = token_losses(network, venv.demonstrations(part, np.random.default_rng(0)), self.device)
                sums.append((losses.sum().item(), len(losses)))
        total, count = 0.0, 0
        for loss, tokens in current().joined(np.array(sums, dtype=np.float64).reshape(-1, 2)).tolist():
            total, count = total + loss, count + tokens
        return total / max(1, count)

    def _dump(self, loss: float) -> None:
        self.logger.record("train/loss", loss)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.dump(step=self.num_timesteps)

    def merit(self) -> float | None:
        """Return the negative of the latest validation loss."""
        loss = self._stopping.latest_loss
        return None if loss is None else -loss

    def own_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what only supervised learning holds: its generator, the rest of the epoch, and the best weights."""
        stopping, tensors = self._stopping.state()
        generator = self._rng.bit_generator.state
        return {"generator": generator, "stopping": stopping}, {"order": torch.tensor(self._order), **tensors}

    def set_own_state(self, values: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take up what :meth:`own_state` gave."""
        self._rng.bit_generator.state = values["generator"]
        self._order = tensors["order"].tolist()
        self._stopping.set_state(values["stopping"], tensors)

    def save(self, path: str | Path, *_: Any, **__: Any) -> None:  # type: ignore[override]
        """Write a checkpoint folder of safetensors and JSON; an ending ``.zip`` is left off."""
        from agents.checkpoints.checkpoint import save_algorithm

        save_algorithm(self, Path(path))

    @classmethod
    def load(  # type: ignore[override]
        cls, path: str | Path, env: Any = None, device: torch.device | str = "auto", **changes: Any
    ) -> SFT:
        """Read a checkpoint folder; see :meth:`agents.PPO.load`."""
        from agents.checkpoints.checkpoint import load_algorithm

        return load_algorithm(cls, Path(path), env, device, changes)


def _fitting(lanes: TextVecEnv) -> npt.NDArray[np.int64]:
    """Return the samples to learn from: all, or with ``overlong="drop"`` those whose prompts fit.

    Raises:
        DataError: None is left.
    """
    episodes = lanes.venv.episodes
    indices = np.arange(lanes.venv.num_samples)
    if episodes.overlong == "drop":
        indices = indices[[episodes.fits(int(i)) for i in indices]]
    if not len(indices):
        raise DataError(f"No prompt has at most max_prompt_tokens={episodes.space.max_prompt_tokens} tokens: raise it.")
    return indices


def _lanes(env: Any) -> TextVecEnv:
    lanes = transparent(env)
    if lanes is None:
        raise ConfigError(f"SFT reads references from the environment of agents.make_vec_env, unwrapped; got {env}.")
    return lanes
