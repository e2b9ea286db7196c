"""What all on-policy algorithms share: batched rollouts in place of token-by-token ones, checks, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize

from agents.checkpoints.training_state import Resumable, TrainingState
from agents.learning.buffer import SequenceRolloutBuffer
from agents.learning.playing import Episodes
from agents.learning.preparation import Prepares
from agents.learning.reference import ReferencePolicy
from agents.learning.token_progress import CountsTokens
from agents.parallel.processes import current
from agents.parallel.whole_rollout import play_together
from agents.policy import TransformerPolicy
from agents.vec_env import TextVecEnv, episodes_of, make_vec_env, transparent
from textgym import TokenSpace
from textgym.arguments import whole_number
from textgym.editing import EditSpace
from textgym.errors import ConfigError
from textgym.judging import PART
from textgym.vector import TextGenerationVectorEnv

Self = TypeVar("Self", bound="TextOnPolicy")


class TextOnPolicy(Prepares, CountsTokens, Resumable, OnPolicyAlgorithm):
    """Mixes into Stable-Baselines3's on-policy algorithms, whose ``train()`` stays as it is.

    A subclass sets ``self.arguments``, those of its constructor that a checkpoint must hold.
    """

    arguments: dict[str, Any]
    rollout_responses: int
    responses_per_prompt: int = 1
    slots: int | None = None
    has_critic = True
    _iterations = 0  # of collecting and learning
    _stepping_notice_given = False

    def _setup_model(self) -> None:
        self.rollout_buffer_kwargs = {"before_returns": self._before_learning}
        super()._setup_model()
        policy = cast(TransformerPolicy, self.policy)
        if self.kl_coef is not None:
            self.reference = ReferencePolicy(policy.network)
        current().check_seed(self.seed)
        policy.learning_pass = current().learning_pass(policy.network, policy.optimizer, self.max_grad_norm)
        policy.optimizer = policy.learning_pass.moving(policy.optimizer)

    def set_env(self, env: Any, force_reset: bool = True) -> None:
        """Go on in another environment of as many lanes; see ``BaseAlgorithm.set_env``."""
        env = as_vec_env(env)
        self.rollout_responses, self.n_steps = self._sizes(env)
        super().set_env(env, force_reset)
        self.rollout_buffer.buffer_size = self.n_steps

    def _sizes(self, env: Any) -> tuple[int, int]:
        """Return the responses of a rollout in an environment, and at most its steps per lane."""
        batch_size = getattr(self, "batch_size", None)
        return check_environment(env, self.gamma, batch_size, self.arguments["rollout_responses"])

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Write ``rollout_responses`` responses and let the environment score them.

        Callbacks see one step per token position, as if the lanes had been stepped; ``num_timesteps`` counts tokens. An
        environment in a wrapper that might change or record its steps is stepped token by token instead.
        """
        self._before_rollout = None
        self._before_rollout = TrainingState.of(self)
        self._iterations = self._iterations + 1 if self.num_timesteps else 1
        complete = self._collect(env, callback, rollout_buffer, n_rollout_steps)
        if complete:
            self._before_rollout = None
        return complete

    def _collect(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        lanes = transparent(env)
        if lanes is None:
            _refuse_stepping(env)
            self._give_stepping_notice(env)
            return super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        network = cast(TransformerPolicy, self.policy).network
        sizes = (self.rollout_responses, self.responses_per_prompt, self.slots)
        episodes = play_together(network, lanes, *sizes, self._branch(), critic=self.has_critic)
        if current().any(not self._replay(episodes, lanes, callback)):  # all stop where a callback of one asks to
            self.num_timesteps = current().of_first(self.num_timesteps)
            return False
        cast(SequenceRolloutBuffer, rollout_buffer).add_experience(episodes.experience)
        self._last_obs = lanes.venv.observations()
        self._last_episode_starts = np.ones(lanes.num_envs, dtype=bool)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _replay(self, episodes: Episodes, lanes: TextVecEnv, callback: BaseCallback) -> bool:
        """Tell the callbacks of every token position; return False when one of them asks to stop."""
        scores = episodes.scores
        endings = lanes.episode_infos(scores, episodes.experience.own.sum(axis=1))
        for k, alive, dones in episodes.positions():
            rewards = scores.rewards[:, k]
            ended = np.flatnonzero(dones).tolist()
            infos: list[dict[str, Any]] = [{}] * len(dones)  # one empty dict for all who have nothing to tell
            for i in ended:
                infos[i] = endings[i]
            self.num_timesteps += int(alive.sum())
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            self._update_info_buffer([infos[i] for i in ended], dones[ended])
        return True

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        """Let the progress end at 0: a rollout of whole responses passes the total, and a rate must not be negative."""
        super()._update_current_progress_remaining(min(num_timesteps, total_timesteps), total_timesteps)

    def dump_logs(self, iteration: int = 0) -> None:
        """Log, with the fault counts of a reward that is asked outside, as ``faults/<name>``.

        The iterations are counted on where ``learn`` goes on with what another one has learned.
        """
        lanes = transparent(self.env)
        faults = {} if lanes is None else lanes.venv.episodes.reward.fault_counts
        for name in faults:
            self.logger.record(f"faults/{name}", sum(counts[name] for counts in current().values(faults)))
        super().dump_logs(self._iterations)

    def merit(self) -> float | None:
        """Return the mean reward of the latest episodes."""
        rewards = [episode["r"] for episode in self.ep_info_buffer or ()]
        return float(np.mean(rewards)) if rewards else None

    def own_state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Return what only these algorithms hold."""
        return {"iterations": self._iterations}, {}

    def set_own_state(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        """Take up what :meth:`own_state` gave."""
        self._iterations = values["iterations"]

    def _update_info_buffer(self, infos: list[dict[str, Any]], dones: npt.NDArray[np.bool_] | None = None) -> None:
        """Let the logger tell the mean of each part of the reward, as ``reward/<name>``."""
        super()._update_info_buffer(infos, dones)
        for info in infos if dones is None else [infos[lane] for lane in np.flatnonzero(dones)]:
            for name, value in info.items():
                if name.startswith(PART):
                    self.logger.record_mean(name, float(value))

    def _give_stepping_notice(self, env: VecEnv) -> None:
        if not self._stepping_notice_given:
            self._stepping_notice_given = True
            self.logger.log(
                f"{type(self).__name__} steps {type(env).__name__} token by token, which is slow: only the environment "
                "of agents.make_vec_env, without wrappers that might change its steps, is played in whole responses."
            )

    def save(self, path: str | Path, *_: Any, **__: Any) -> None:  # type: ignore[override]
        """Write a checkpoint folder of safetensors and JSON; an ending ``.zip`` is left off."""
        from agents.checkpoints.checkpoint import save_algorithm

        save_algorithm(self, Path(path))

    @classmethod
    def load(  # type: ignore[override]
        cls: type[Self],
        path: str | Path,
        env: VecEnv | None = None,
        device: torch.device | str = "auto",
        **changes: Any,
    ) -> Self:
        """Read a checkpoint folder; nothing is unpickled.

        Args:
            path: The folder that :meth:`save` wrote.
            env: To go on learning; without it the result can predict and be evaluated.
            device: Where to compute.
            changes: Constructor arguments that shall differ from the stored ones.
        """
        from agents.checkpoints.checkpoint import load_algorithm

        return load_algorithm(cls, Path(path), env, device, changes)


def stored_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint keeps of a constructor's ``locals()``: all but the live objects."""
    live = ("self", "policy", "env", "validation_env", "device", "_init_setup_model", "__class__")
    return {name: value for name, value in arguments.items() if name not in live}


def layers(env: VecEnv) -> Iterator[VecEnv]:
    """Yield an environment and, from the outside in, what its wrappers stand around."""
    yield env
    while isinstance(env, VecEnvWrapper):
        env = env.venv
        yield env


def as_vec_env(env: Any) -> Any:
    """Return environments that Stable-Baselines3 accepts for an id or a native vector environment."""
    if isinstance(env, (str, TextGenerationVectorEnv)):
        return make_vec_env(env)
    return env


def checked_slots(slots: int | None) -> int | None:
    """Return how many responses are written at once, at least 1, or None."""
    if slots is not None and whole_number("slots", slots) < 1:
        raise ConfigError(f"slots must be at least 1, or None for all of a rollout, got {slots}.")
    return slots


def lanes_of(env: Any) -> int:
    """Return the lanes of an environment, those of other processes included."""
    return int(getattr(env, "all_lanes", getattr(env, "num_envs", 1)))


def _refuse_stepping(env: VecEnv) -> None:
    if current().count > 1:
        raise ConfigError(
            f"Several processes play whole responses, but {type(env).__name__} would be stepped token by token: pass "
            "agents.make_vec_env(...) without wrappers, or learn in one process."
        )


def check_environment(env: Any, gamma: float, batch_size: int | None, rollout_responses: int | None) -> tuple[int, int]:
    """Check what can be checked before a model is built; return a rollout's responses, and at most its steps per lane.

    Raises:
        ConfigError: If the observations are no token ids any more, the shaping's discount is not ``gamma``, or the
            sizes do not fit.
    """
    if env is None:
        return rollout_responses or 1, 1
    if isinstance(env, VecEnv) and any(isinstance(part, VecNormalize) and part.norm_obs for part in layers(env)):
        raise ConfigError("VecNormalize(norm_obs=True) turns token ids into fractions: use norm_obs=False.")
    space = env.observation_space
    if isinstance(space, EditSpace):
        raise ConfigError(
            "Drafts are edited step by step, not written as whole responses: let stable_baselines3's own algorithms "
            "teach a policy to edit, such as stable_baselines3.PPO(agents.PointerPolicy, ...)."
        )
    if not isinstance(space, TokenSpace):
        raise ConfigError(
            f"The environment's observations must be a TokenSpace, got {space}: take off the wrappers that change them."
        )
    num_envs = lanes_of(env)
    responses = num_envs if rollout_responses is None else rollout_responses
    if responses < 1 or responses % num_envs:
        raise ConfigError(f"rollout_responses must be a multiple of the {num_envs} lanes, got {responses}.")
    if batch_size is not None and not 2 <= batch_size <= responses * space.max_new_tokens:
        raise ConfigError(
            f"batch_size counts tokens and must lie between 2 and those of a rollout, {responses} responses x "
            f"{space.max_new_tokens} tokens = {responses * space.max_new_tokens}; got {batch_size}."
        )
    episodes = episodes_of(env)
    if episodes is not None and episodes.shaping and episodes.discount != gamma:
        raise ConfigError(
            f"The environment shapes rewards with discount={episodes.discount}, the algorithm's gamma is "
            f"{gamma}: make them equal, or the shaping changes which policy is best."
        )
    return responses, space.max_new_tokens * responses // num_envs
