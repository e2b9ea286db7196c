"""Gymnasium's native vector environment behind Stable-Baselines3's ``VecEnv`` interface."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecCheckNan, VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from agents.parallel.processes import current
from textgym.dialogue.episodes import DialogueEpisodes
from textgym.editing.episodes import EditEpisodes
from textgym.errors import ConfigError
from textgym.responses import Scores
from textgym.vector import TextGenerationVectorEnv

TRANSPARENT_WRAPPERS = (VecCheckNan,)  # wrappers that neither change nor record what passes through them


def make_vec_env(env: str | TextGenerationVectorEnv, num_envs: int = 64, **kwargs: Any) -> TextVecEnv:
    """Make a vector environment that Stable-Baselines3's algorithms accept.

    Args:
        env: A registered id, or a native vector environment in SameStep mode.
        num_envs: The number of lanes, for an id; where several processes learn together, of all of them.
        kwargs: Passed to ``gymnasium.make_vec``, for an id.
    """
    if isinstance(env, str):
        lanes = current().share(num_envs, "num_envs")
        env = cast(TextGenerationVectorEnv, gym.make_vec(env, num_envs=lanes, autoreset_mode="SameStep", **kwargs))
    elif kwargs:
        raise ConfigError(f"Arguments are for an environment id, not for one that is made already: {sorted(kwargs)}.")
    return TextVecEnv(env)


class TextVecEnv(VecEnv):
    """Adapts a :class:`textgym.vector.TextGenerationVectorEnv` in SameStep mode.

    Finished lanes report ``terminal_observation``, ``TimeLimit.truncated`` and, as ``Monitor`` does, ``episode``
    (return, length, seconds), together with the environment's own information.

    Where several processes learn together, this is the part of the lanes that this process plays; seeds, snapshots and
    the description are those of all lanes.

    Attributes:
        processes: Those that share the lanes.
        all_lanes: The lanes of all processes.
        first_lane: The number among them of the first of these.
    """

    def __init__(self, venv: TextGenerationVectorEnv) -> None:
        native = venv.unwrapped
        if not isinstance(native, TextGenerationVectorEnv) or native is not venv:
            raise ConfigError(f"make_vec_env takes an unwrapped text generation vector environment, got {venv}.")
        if venv.metadata["autoreset_mode"] is not gym.vector.AutoresetMode.SAME_STEP:
            raise ConfigError(
                "Stable-Baselines3 resets lanes in the same step: make the environment with autoreset_mode='SameStep', "
                f"got {venv.metadata['autoreset_mode']}."
            )
        self.venv = venv
        self.processes = current()
        self.all_lanes = venv.num_envs * self.processes.count
        self._mine = self.processes.mine(self.all_lanes)
        self.first_lane = self._mine.start
        if self.processes.count > 1 and venv.episodes.has_state:
            raise ConfigError(
                f"The reward {venv.episodes.reward.signature} learns from each response that it judges, in several "
                "processes something else in each: take a reward without normalisation, or one process."
            )
        self._returns = np.zeros(venv.num_envs)
        self._lengths = np.zeros(venv.num_envs, dtype=np.int64)
        self._started = time.monotonic()
        super().__init__(venv.num_envs, venv.single_observation_space, venv.single_action_space)

    def reset(self) -> VecEnvObs:
        """Reset every lane; return int32 [num_envs, P + T]."""
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observations, infos = self.venv.reset(seed=seeds, options=self._joint_options())
        self.reset_infos = [_lane(infos, i) for i in range(self.num_envs)]
        self._returns[:] = 0
        self._lengths[:] = 0
        self._reset_seeds()
        self._reset_options()
        return cast(VecEnvObs, observations)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Give lane i of all lanes the seed ``seed + i`` at the next reset."""
        return super().seed(None if seed is None else seed + self.first_lane)

    def _joint_options(self) -> dict[str, Any] | None:
        """Return the options that :meth:`set_options` gave to each lane as one mapping of arrays."""
        names = set().union(*self._options)
        if any(set(options) != names for options in self._options):
            raise ConfigError(f"Every lane needs the same options, such as 'index', got {self._options}.")
        return {name: np.array([options[name] for options in self._options]) for name in names} or None

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Remember the actions, int [num_envs], for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every lane; lanes that end start their next episode."""
        observations, rewards, terminated, truncated, infos = self.venv.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        done = terminated | truncated
        told = {name: value for name, value in infos.items() if name not in ("final_obs", "_final_obs")}
        lanes: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        masks = [value for name, value in told.items() if name.startswith("_")]
        for lane in np.flatnonzero(np.logical_or.reduce(masks)).tolist() if masks else ():
            lanes[lane] = _lane(told, lane)
        for i in np.flatnonzero(done):
            final = lanes[i].pop("final_info")
            lanes[i] = final | {
                "terminal_observation": infos["final_obs"][i],
                "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
                "episode": self._episode(self._returns[i], self._lengths[i]),
            }
            self._returns[i] = self._lengths[i] = 0
        return observations, rewards.astype(np.float32), done, lanes

    def episode_infos(self, scores: Scores, lengths: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return the information that stepping would have given at the end of each scored response."""
        returns = scores.rewards.sum(axis=1)
        return [
            {name: column[i] for name, column in scores.infos.items()}
            | {
                "TimeLimit.truncated": bool(scores.truncated[i] and not scores.terminated[i]),
                "episode": self._episode(returns[i], lengths[i]),
            }
            for i in range(len(lengths))
        ]

    def _episode(self, episode_return: float, length: int) -> dict[str, Any]:
        seconds = round(time.monotonic() - self._started, 6)
        return {"r": round(float(episode_return), 6), "l": int(length), "t": seconds}

    def snapshot(self) -> dict[str, Any]:
        """Return the state of all lanes, JSON values only, for :meth:`restore`."""
        returns, lengths = self._returns.tolist(), self._lengths.tolist()
        own: dict[str, Any] = {"episodes": self.venv.snapshot(), "returns": returns, "lengths": lengths}
        parts = self.processes.values(own)
        lanes = [lane for part in parts for lane in part["episodes"]["lanes"]]
        joined = {name: [value for part in parts for value in part[name]] for name in ("returns", "lengths")}
        return {"episodes": own["episodes"] | {"lanes": lanes}, **joined}

    def restore(self, snapshot: Mapping[str, Any]) -> VecEnvObs:
        """Go back to a snapshot of an environment of equal :attr:`description`; return the observations."""
        episodes = snapshot["episodes"]
        observations = self.venv.restore(episodes | {"lanes": episodes["lanes"][self._mine]})
        self._returns[:] = snapshot["returns"][self._mine]
        self._lengths[:] = snapshot["lengths"][self._mine]
        self._reset_seeds()
        return cast(VecEnvObs, observations)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What must be equal in two environments for a snapshot of one to fit the other, JSON values."""
        episodes = self.venv.episodes
        plain = ("split", "shaping", "potential_at", "discount", "on_length", "overlong")
        penalties = ("missing_eos_penalty", "invalid_action_penalty")
        return (
            {name: getattr(episodes, name) for name in (*plain, *penalties)}
            | _dialogue(episodes)
            | _editing(episodes)
            | {
                **({"reward_delay": episodes.reward_delay} if episodes.reward_delay else {}),
                "num_envs": self.all_lanes,
                "task": episodes.task.name,
                "samples": len(episodes.samples),
                "space": episodes.space.to_json(),
                "template": episodes.template.to_json(),
                "tokenizer": episodes.tokenizer.signature,
                "reward": episodes.reward.signature,
            }
        )

    def close(self) -> None:
        """Close the environment."""
        self.venv.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the environment, the same for each of the given lanes."""
        return [getattr(self.venv, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the environment; lanes cannot differ."""
        if indices is not None and len(list(self._get_indices(indices))) != self.num_envs:
            raise ConfigError(
                "The lanes of a native vector environment share their attributes: set them for all lanes."
            )
        setattr(self.venv, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """Call a method of the environment once; per-lane results, such as ``action_masks``, are handed out by lane."""
        result = getattr(self.venv, method_name)(*args, **kwargs)
        per_lane = isinstance(result, np.ndarray) and len(result) == self.num_envs
        return [result[i] if per_lane else result for i in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """Answer yes for ``Monitor``, whose statistics are reported here, and no for all else."""
        from stable_baselines3.common.monitor import Monitor

        return [wrapper_class is Monitor] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[Any]:
        """Text has no images."""
        return [None] * self.num_envs


def transparent(env: VecEnv | None) -> TextVecEnv | None:
    """Return the text environment in ``env`` if nothing but transparent wrappers stand around it."""
    while isinstance(env, TRANSPARENT_WRAPPERS):
        env = env.venv
    return env if isinstance(env, TextVecEnv) else None


def episodes_of(env: VecEnv | gym.Env[Any, Any]) -> Any | None:
    """Return what defines the episodes of a text environment under any wrappers, None for another environment."""
    try:
        return env.get_attr("episodes", 0)[0] if isinstance(env, VecEnv) else env.get_wrapper_attr("episodes")
    except AttributeError:
        return None


def _dialogue(episodes: Any) -> dict[str, Any]:
    """Return what describes the dialogues of an environment that plays them, JSON values; else nothing."""
    if not isinstance(episodes, DialogueEpisodes):
        return {}
    limits = ("turn_weight", "max_turns", "max_turn_tokens", "max_answer_tokens")
    judge = episodes.turn_reward
    return {name: getattr(episodes, name) for name in limits} | {
        "simulator": episodes.simulator.signature,
        "turn_reward": None if judge is None else judge.signature,
    }


def _editing(episodes: Any) -> dict[str, Any]:
    """Return what describes the drafts of an environment that edits them, JSON values; else nothing."""
    if not isinstance(episodes, EditEpisodes):
        return {}
    corruption = vars(episodes.corruption) if episodes.draft == "corrupted" else {}
    told = {name: value for name, value in corruption.items() if not name.startswith("_")}
    shown = {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
    return {
        "draft": episodes.draft,
        "corruption": shown,
        "edit_cost": episodes.edit_cost,
        "flat": episodes.actions.flat,
    }


def _lane(infos: dict[str, Any], i: int) -> dict[str, Any]:
    """Return lane i's part of information in Gymnasium's layout of arrays and masks."""
    lane = {}
    for name, value in infos.items():
        if name.startswith("_") or not infos[f"_{name}"][i]:
            continue
        lane[name] = _lane(value, i) if isinstance(value, dict) else value[i]
    return lane
