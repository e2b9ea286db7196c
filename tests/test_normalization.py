"""Normalized scores: 0 for a random policy, 1 for the best, and errors where these are not known."""

import gymnasium as gym
import numpy as np
import pytest

import textgym
from tests.tasks.procedural.catalogue import IDS, every_task, made, make
from tests.tiny import Tiny
from textgym.errors import ConfigError


@every_task
def test_random_is_0_and_optimal_1(name):
    env = make(name)
    task = env.unwrapped.episodes.task
    for thing in (name, IDS[name], task, env, gym.make_vec(IDS[name], num_envs=2)):
        assert textgym.normalized_score(thing, task.random_return) == 0
        assert textgym.normalized_score(thing, task.optimal_return) == 1


def test_arrays_keep_their_shape_and_the_scale_is_linear():
    task = made("copy_letters")
    scores = np.array([[task.random_return, 1], [0, 0.5]])
    found = textgym.normalized_score(task, scores)
    assert found.shape == (2, 2)
    assert found[0].tolist() == [0, 1]
    assert found[1, 0] < 0 < found[1, 1] < 1
    assert textgym.normalized_score(task, scores.tolist()).tolist() == found.tolist()
    assert textgym.normalized_score(task, scores.mean()) == pytest.approx(found.mean())
    assert isinstance(textgym.normalized_score(task, 0.5), float)


def test_the_difficulty_counts():
    assert textgym.normalized_score(make("arithmetic", difficulty=3), made("arithmetic", 3).random_return) == 0
    assert textgym.normalized_score(make("arithmetic", difficulty=3), made("arithmetic", 1).random_return) > 0


def test_a_task_without_a_known_optimum_is_told_what_is_missing():
    with pytest.raises(
        ConfigError,
        match="A normalized score needs a known optimal_return and random_return, and the task 'translation' has none",
    ):
        textgym.normalized_score("translation", 0.5)


def test_a_task_may_say_its_returns():
    task = Tiny()
    task.optimal_return = 0.8
    with pytest.raises(ConfigError, match="needs a known random_return, and the task 'tiny'"):
        textgym.normalized_score(task, 0.5)
    task.random_return = 0.3
    assert textgym.normalized_score(task, 0.8) == 1
    task.random_return = 0.9
    with pytest.raises(ConfigError, match=r"optimal_return must exceed random_return, got 0\.8 and 0\.9"):
        textgym.normalized_score(task, 0.5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"reward": "exact_match"}, "reward"),
        ({"tokenizer": "byte", "max_prompt_tokens": 9}, "tokenizer"),
        ({"max_new_tokens": 9}, "max_new_tokens=4, and this environment has 9"),
        ({"min_new_tokens": 2}, "min_new_tokens=0, and this environment has 2"),
        ({"banned_tokens": [3]}, "banned_tokens"),
        ({"stop": "a"}, "stop"),
        ({"stop_at_eos": False}, "banned_tokens"),
        ({"shaping": "potential", "discount": 0.9}, "discount=1.0, and this environment has 0.9"),
        ({"missing_eos_penalty": 0.5}, "missing_eos_penalty=0.0, and this environment has 0.5"),
    ],
)
def test_an_environment_of_other_settings_is_refused(options, what):
    with pytest.raises(ConfigError, match=f"return of the task 'copy_letters' are known for {what}"):
        textgym.normalized_score(make("copy_letters", **options), 0.5)


def test_what_changes_no_return_is_accepted():
    env = make("copy_letters", max_prompt_tokens=30, shaping="potential", split="test", on_length="truncate")
    assert textgym.normalized_score(env, 1.0) == 1


@pytest.mark.parametrize("score", ["x", None, [1.0, "x"], 1j, True])
def test_a_score_is_a_number(score):
    with pytest.raises(ConfigError, match="A score is a number or an array of numbers, got"):
        textgym.normalized_score("copy_letters", score)
