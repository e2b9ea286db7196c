"""Every environment satisfies the checkers of Gymnasium, Stable-Baselines3 and this library without a warning."""

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from tests.suite.ids import every_id, kind, small
from textgym import check_text_env
from textgym.checker import CHECKS

EDITING = {"written tokens", "eos", "length", "decoding", "empty responses", "unicode", "scores", "refused actions"}


@pytest.mark.parametrize("id", every_id())
@pytest.mark.parametrize("check", [check_env, sb3_check_env])
def test_checkers_of_others_pass_without_a_warning(check, id):
    check(gym.make(id, **small(id)).unwrapped)


@pytest.mark.parametrize("id", every_id())
def test_check_text_env_passes_and_every_check_applies_that_can(id):
    report = check_text_env(gym.make(id, **small(id)))
    assert list(report) == list(CHECKS)
    spared = {"writing": set(), "dialogue": {"scores"}, "editing": EDITING}[kind(id)]
    assert {name for name, outcome in report.items() if outcome != "holds"} <= spared


@pytest.mark.parametrize("id", every_id())
def test_spec_is_json_and_makes_the_same_environment(id):
    env = gym.make(id, **small(id))
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    first, second = again.reset(seed=1), env.reset(seed=1)
    assert first[0].tolist() == second[0].tolist()
    assert first[1] == second[1]
