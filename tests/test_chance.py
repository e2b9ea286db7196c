"""The score of uniform play, simulated."""

import numpy as np
import pytest

from tests.tasks.procedural.catalogue import make
from textgym.chance import uniform_return
from textgym.errors import ConfigError
from textgym.solver import solve


def test_the_estimate_is_within_its_error_of_the_exact_value():
    for options in ({}, {"missing_eos_penalty": 0.5}, {"min_new_tokens": 3}, {"banned_tokens": [0, 5]}):
        env = make("copy_letters", train_size=1, **options)
        exact = solve(env).value(policy="uniform")
        mean, error = uniform_return(env)
        assert 0.001 < error < 0.01
        assert abs(mean - exact) < 3 * error


def test_the_error_shrinks_as_the_root_of_the_count():
    few, many = uniform_return("copy_letters", 500), uniform_return("copy_letters", 4_500)
    assert few.error / many.error == pytest.approx(3, rel=0.2)


def test_a_seed_gives_the_same_figure():
    assert uniform_return("table_to_text", 50, 3) == uniform_return("table_to_text", 50, 3)
    assert uniform_return("table_to_text", 50, 3) != uniform_return("table_to_text", 50, 4)


def test_the_standard_error_covers_the_truth_as_often_as_it_says():
    env = make("copy_letters")
    exact = solve(env).value(policy="uniform")
    estimates = [uniform_return(env, 300, seed) for seed in range(30)]
    inside = np.mean([abs(mean - exact) < 1.96 * error for mean, error in estimates])
    assert inside > 0.8


def test_one_episode_has_no_standard_error():
    with pytest.raises(ConfigError, match="A standard error needs at least 2 episodes, got 1"):
        uniform_return("copy_letters", 1)


def test_stop_strings_are_refused():
    with pytest.raises(ConfigError, match="A uniform policy is not simulated with stop strings"):
        uniform_return(make("copy_letters", stop="a"))
