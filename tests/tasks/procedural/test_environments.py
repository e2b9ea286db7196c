"""The environments of the procedural tasks with their own tokenizers and lengths."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from tests.tasks.procedural.catalogue import IDS, every_task, made, make, play
from textgym.cards import Card
from textgym.cli.listing import environments


@every_task
@pytest.mark.parametrize("check", [check_env, sb3_check_env])
def test_checkers_pass_without_a_warning(check, name):
    check(make(name).unwrapped)


@every_task
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_reference_gets_the_optimum(name, split):
    env, task = make(name, difficulty=2, split=split), made(name, 2)
    for index in range(8):
        for reference in task.samples(split)[index].references:
            total, info = play(env, reference, index)
            assert total == pytest.approx(task.optimal_return, abs=1e-9)
            assert info["finish"] == "eos"


@every_task
def test_shaping_pays_the_same_in_all(name):
    env, task = make(name, shaping="potential"), made(name)
    total, _ = play(env, task.samples("train")[3].references[-1], 3)
    assert total == pytest.approx(task.optimal_return, abs=1e-9)


@every_task
def test_a_vector_environment_plays_what_a_single_one_does(name):
    envs, env = gym.make_vec(IDS[name], num_envs=3, autoreset_mode="Disabled"), make(name)
    many, one = envs.reset(seed=5)[0], env.reset(seed=7)[0]
    np.testing.assert_array_equal(many[2], one)


@every_task
def test_a_card_tells_where_the_samples_come_from(name):
    card = type(made(name)).card
    assert isinstance(card, Card)
    assert card.licence == "Apache-2.0"
    assert "generated" in card.source
    assert card.metrics


def test_all_ids_are_listed():
    listed = environments()
    assert set(IDS.values()) <= set(listed)
    assert all(listed[id].endswith((".", "turn.")) for id in IDS.values())
