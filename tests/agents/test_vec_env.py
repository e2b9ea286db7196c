"""The adapter gives Stable-Baselines3 what its own vector environments give."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env as stock_make_vec_env
from stable_baselines3.common.monitor import Monitor

from agents import make_vec_env
from tests.agents.tiny import Letters
from textgym.errors import ConfigError

ENV = "test/Letters-v0"


def test_steps_agree_with_dummy_vec_env_and_monitor() -> None:
    ours = make_vec_env(ENV, num_envs=5, on_length="truncate")
    stock = stock_make_vec_env(ENV, n_envs=5, env_kwargs={"on_length": "truncate", "render_mode": None})
    for envs in (ours, stock):
        envs.seed(11)
    np.testing.assert_array_equal(ours.reset(), stock.reset())
    rng = np.random.default_rng(0)
    ended = 0
    for _ in range(60):
        actions = rng.integers(0, ours.action_space.n, 5)
        (o1, r1, d1, i1), (o2, r2, d2, i2) = ours.step(actions), stock.step(actions)
        np.testing.assert_array_equal(o1, o2)
        np.testing.assert_array_equal(r1, r2)
        np.testing.assert_array_equal(d1, d2)
        for one, other in zip(i1, i2, strict=True):
            if "episode" in other:
                ended += 1
                np.testing.assert_array_equal(one["terminal_observation"], other["terminal_observation"])
                assert {k: one["episode"][k] for k in "rl"} == {k: other["episode"][k] for k in "rl"}
                assert one["TimeLimit.truncated"] == other["TimeLimit.truncated"]
                assert one["response"] == other["response"]
    assert ended > 10


def test_reset_tells_the_prompts() -> None:
    envs = make_vec_env(ENV, num_envs=3)
    envs.seed(0)
    envs.reset()
    assert all(info["prompt"] in {s.prompt for s in Letters().samples("train")} for info in envs.reset_infos)


def test_attributes_and_methods_reach_the_environment() -> None:
    envs = make_vec_env(ENV, num_envs=3)
    assert envs.get_attr("num_envs") == [3, 3, 3]
    assert envs.get_attr("num_envs", indices=[1]) == [3]
    envs.set_attr("mark", 7)
    assert envs.venv.mark == 7
    with pytest.raises(ConfigError, match="share their attributes"):
        envs.set_attr("mark", 8, indices=[0])
    envs.reset()
    masks = envs.env_method("action_masks")
    assert len(masks) == 3
    assert masks[0].shape == (envs.action_space.n,)
    assert envs.env_is_wrapped(Monitor) == [True] * 3
    assert envs.env_is_wrapped(gym.wrappers.TimeLimit) == [False] * 3
    envs.close()


def test_other_environments_and_modes_are_refused() -> None:
    with pytest.raises(ConfigError, match="autoreset_mode='SameStep'"):
        make_vec_env(gym.make_vec(ENV, num_envs=2))
    with pytest.raises(ConfigError, match="unwrapped text generation vector environment"):
        make_vec_env(gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync"))
    with pytest.raises(ConfigError, match=r"not for one that is made already: \['reward'\]"):
        make_vec_env(gym.make_vec(ENV, num_envs=2, autoreset_mode="SameStep"), reward="bleu")


def test_options_choose_the_samples_of_the_next_reset() -> None:
    envs = make_vec_env(ENV, num_envs=2)
    envs.set_options([{"index": 3}, {"index": 1}])
    envs.reset()
    assert [info["prompt"] for info in envs.reset_infos] == ["dabca", "bcd"]
    envs.set_options([{"index": 3}, {}])
    with pytest.raises(ConfigError, match="Every lane needs the same options"):
        envs.reset()


@pytest.mark.parametrize(
    "change",
    [{"potential_at": "token"}, {"missing_eos_penalty": 0.9}, {"reward_delay": 2}, {"invalid_action_penalty": 0.5}],
)
def test_the_description_tells_environments_that_pay_differently_apart(change: dict[str, Any]) -> None:
    options = {"num_envs": 2, "shaping": "potential", "potential_at": "word", "missing_eos_penalty": 0.1}
    one, other = (make_vec_env("textgym/Translation-v0", **(options | more)) for more in ({}, change))
    assert one.description != other.description
