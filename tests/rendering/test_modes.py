"""Every render mode in the single and in the vector environment, before, during and after an episode."""

import html
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest

from tests.tiny import EOS
from textgym.rendering import MODES

KINDS = {"ansi": str, "html": str, "rgb_array": np.ndarray, "human": type(None)}


@pytest.mark.parametrize("mode", MODES)
def test_e10_every_mode_shows_something_before_the_first_reset(mode):
    single, lanes = (make("tests/Tiny-v0", render_mode=mode).unwrapped for make in (gym.make, gym.make_vec))
    assert isinstance(single.render(), KINDS[mode])
    if mode != "human":
        assert isinstance(lanes.render()[0], KINDS[mode])


@pytest.mark.parametrize("mode", ["ansi", "html"])
def test_texts_are_those_of_the_episode(mode):
    env = gym.make_vec("tests/Tiny-v0", num_envs=2, render_mode=mode)
    single = gym.make("tests/Tiny-v0", render_mode=mode)
    env.reset(options={"index": [0, 2]})
    single.reset(options={"index": 2})
    env.step(np.array([0, 1]))
    env.step(np.array([EOS, 1]))
    single.step(1)
    single.step(1)
    first, second = env.render()
    assert second == single.render()
    if mode == "html":
        assert re.findall(r'<dd class="(\w+)" dir="auto">(.*)</dd>', first) == [
            ("given", "abc"),
            ("wanted", "cab"),
            ("wanted", "bca"),
            ("written", "a"),
            ("outcome", "0.3333 (ended)"),
        ]
        assert not re.search(r"src=|href=|url\(|@import", first)
    assert "goes on" in html.unescape(second)


@pytest.mark.parametrize("mode", MODES)
def test_an_environment_that_is_shown_can_be_copied(mode):
    env = gym.make("tests/Tiny-v0", render_mode=mode)
    env.reset(seed=0)
    twin = pickle.loads(pickle.dumps(env))
    np.testing.assert_array_equal(env.step(0)[0], twin.step(0)[0])
    assert np.array_equal(env.render(), twin.render())
