"""Calls that cannot work, in every kind of environment, single and vector: what each one says."""

import copy
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, NameNotFound, NamespaceNotFound, ResetNeeded, VersionNotFound

import textgym
from tests.conftest import ROOT
from tests.suite.ids import actions, every_id, kind, small
from tests.test_vector import assert_same
from textgym import check_text_env
from textgym.errors import CheckError, ConfigError
from textgym.tokenizers import CharTokenizer

KINDS = ["tests/Tiny-v0", "tests/TinyShaped-v0", "tests/Talk-v0", "tests/TinyEdits-v0", "tests/TinyEditsFlat-v0"]
LANES = 3


@pytest.fixture(params=KINDS)
def id(request):
    return request.param


def single(id, **arguments):
    return gym.make(id, **small(id), **arguments).unwrapped


def lanes(id, **arguments):
    return gym.make_vec(id, num_envs=LANES, **small(id), **arguments).unwrapped


def end(env, id):
    """Play to the end of the first episode that ends."""
    for row in actions(env, id, 300, getattr(env, "num_envs", 1)):
        _, _, terminated, truncated, _ = env.step(row if hasattr(env, "num_envs") else row[0])
        if np.any(terminated) or np.any(truncated):
            return
    raise AssertionError("no end")


def test_e1_a_step_before_reset_and_after_the_end(id):
    env, envs = single(id), lanes(id, autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match=r"No episode is going on: call reset\(\)"):
        env.step(env.action_space.sample())
    with pytest.raises(ResetNeeded, match=r"No episode is going on: call reset\(\)"):
        envs.step(envs.action_space.sample())
    env.reset(seed=0)
    envs.reset(seed=0)
    end(env, id)
    end(envs, id)
    with pytest.raises(ResetNeeded, match="also after the end of an episode"):
        env.step(env.action_space.sample())
    with pytest.raises(ResetNeeded, match=r"The episodes of lanes \[.*\] are over: call reset\(options="):
        envs.step(envs.action_space.sample())


@pytest.mark.parametrize("wrong", [None, "0", 0.5, -1, 10**6, True, np.array([0.5]), np.array(["a"])], ids=repr)
def test_e2_what_is_no_action_is_refused_by_value_and_changes_nothing(id, wrong):
    env, envs = single(id), lanes(id)
    env.reset(seed=0)
    envs.reset(seed=0)
    before = copy.deepcopy((env.snapshot(), envs.snapshot()))
    with pytest.raises(InvalidAction, match=rf"whole numbers?.*got {re.escape(repr(wrong))}"):
        env.step(wrong)
    with pytest.raises(InvalidAction, match=r"whole number.* got|token id.* got"):
        envs.step([wrong] * LANES)
    assert (env.snapshot(), envs.snapshot()) == before


@pytest.mark.parametrize("value", [-1, 10**6])
def test_e2_an_action_out_of_range_names_its_lane(id, value):
    envs = lanes(id)
    envs.reset(seed=0)
    wrong = np.array(envs.action_space.sample())
    wrong[1] = value
    with pytest.raises(InvalidAction, match=rf"got .*{value}.* in lane 1"):
        envs.step(wrong)


def test_e2_an_id_that_is_not_allowed_is_marked_and_costs():
    for id, action in (("tests/TinyStrict-v0", 0), ("tests/TalkStrict-v0", 0), ("tests/TinyEdits-v0", [3, 7, 0])):
        env, envs = single(id), lanes(id)
        env.reset(seed=0, options={"index": 0})
        envs.reset(seed=0, options={"index": np.zeros(LANES, int)})
        _, reward, *_, info = env.step(np.array(action) if kind(id) == "editing" else action)
        _, rewards, *_, infos = envs.step(np.array([action] * LANES))
        assert (info["invalid_action"], infos["invalid_action"].tolist()) == (True, [True] * LANES)
        assert reward < 0
        assert rewards.tolist() == [reward] * LANES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1."),
        ({"seed": "one"}, "seed must be a whole number, got 'one' (str)."),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5 (float)."),
        ({"options": {"indx": 0}}, "reset() has no option 'indx': it accepts 'index'"),
        ({"options": 3}, "reset() takes its options as a dict, got 3 (int)."),
    ],
)
def test_e3_seeds_and_options(id, arguments, message):
    for env in (single(id), lanes(id)):
        with pytest.raises(ValueError, match=re.escape(message)):
            env.reset(**arguments)
        env.reset(seed=2**70)


def test_e3_samples_that_are_not_there(id):
    with pytest.raises(ConfigError, match=r"A sample's index .* lies in \[0, \d+\), got 99\."):
        single(id).reset(options={"index": 99})
    with pytest.raises(ConfigError, match=r"lies in \[0, \d+\), got 99\."):
        lanes(id).reset(options={"index": [0, 99, 0]})
    with pytest.raises(ConfigError, match=r"options\['index'\] must have shape \(3,\), got \(\)"):
        lanes(id).reset(options={"index": 0})


@pytest.mark.parametrize("make", [gym.make, gym.make_vec, textgym.make, textgym.make_vec])
def test_e4_unknown_ids_versions_and_arguments_get_the_nearest(make):
    own = make in (textgym.make, textgym.make_vec)
    for id, error, message in (
        ("tests/Tinny-v0", NameNotFound, "Tiny"),
        ("testz/Tiny-v0", NamespaceNotFound, "tests?"),
        ("tests/Tiny-v7", VersionNotFound, "v0"),
    ):
        with pytest.raises(ConfigError if own else error, match=message) as found:
            make(id)
        assert ("`textgym list` tells all" in str(found.value)) == own
    with pytest.raises(ConfigError, match=r"has no option 'splt'. Did you mean 'split'\?"):
        make("tests/Tiny-v0", splt="test")


def run(program):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, env=environment, cwd=ROOT
    )


def test_e5_textgym_make_works_without_gymnasium_being_imported():
    done = run(
        "import textgym\n"
        "env = textgym.make('textgym/Copy-v0')\n"
        "envs = textgym.make_vec('textgym/Copy-v0', 3, autoreset_mode='SameStep')\n"
        "print(env.reset(seed=0)[0].shape, envs.reset(seed=0)[0].shape, type(envs.unwrapped).__name__)\n"
    )
    assert done.stderr == ""
    shape, rest = done.stdout.split(") (")
    assert rest == f"3, {shape[1:-1]}) TextGenerationVectorEnv\n"


def test_e5_make_is_gymnasiums():
    assert textgym.make("tests/Tiny-v0", split="test").spec == gym.make("tests/Tiny-v0", split="test").spec
    assert textgym.make_vec("tests/Tiny-v0", num_envs=4).num_envs == 4


def test_e6_texts_as_observations_are_found_and_ours_pass_through_shared_memory():
    class Texts(gym.Env):
        observation_space = gym.spaces.Text(10)
        action_space = gym.spaces.Discrete(2)

    with pytest.raises(CheckError, match=r"must be arrays of token ids .* shared_memory=False"):
        check_text_env(Texts())
    apart = gym.make_vec("tests/Tiny-v0", num_envs=2, vectorization_mode="async")
    together = gym.make_vec("tests/Tiny-v0", num_envs=2)
    try:
        np.testing.assert_array_equal(apart.reset(seed=3)[0], together.reset(seed=3)[0])
        np.testing.assert_array_equal(apart.step(np.array([0, 1]))[0], together.step(np.array([0, 1]))[0])
    finally:
        apart.close()


def play(id, seed):
    """Return what 40 steps in two lanes and some in a single environment lead to."""
    env, envs = single(id), gym.make_vec(id, num_envs=2, autoreset_mode="SameStep", **small(id)).unwrapped
    results = [envs.reset(seed=seed), *(envs.step(row) for row in actions(envs, id, 40, 2, seed))]
    results.append(env.reset(seed=seed))
    for action in actions(env, id, 40, 1, seed)[:, 0]:
        results.append(env.step(action))
        if results[-1][2] or results[-1][3]:
            results.append(env.reset())
    return results


@pytest.mark.parametrize("id", [*KINDS, "textgym/Translation-v0", "textgym/Summarization-v0"])
def test_e8_environments_in_threads_do_what_they_do_alone(id):
    expected = [play(id, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(play, [id] * 8, [0, 1, 2, 3] * 2))
    assert_same(tuple(map(tuple, found)), tuple(map(tuple, expected * 2)))


@pytest.mark.parametrize("make", [single, lanes])
def test_e9_lengths_and_masks_at_their_limits(make):
    with pytest.raises(ConfigError, match=r"max_new_tokens must be at least 1, got 0\."):
        make("tests/Tiny-v0", max_new_tokens=0)
    with pytest.raises(
        ConfigError, match="banned_tokens and min_new_tokens leave no token that may be written: allow one"
    ):
        make("tests/Tiny-v0", banned_tokens=range(12))
    with pytest.raises(ConfigError, match="leave no token that may be written"):
        make("tests/Tiny-v0", banned_tokens=range(9), min_new_tokens=1)  # all that is left is an eos that is too early
    with pytest.raises(ConfigError, match="max_turn_tokens"):
        make("tests/Talk-v0", max_turn_tokens=0)
    with pytest.raises(ConfigError, match=r"max_edits must be at least 1, got 0\."):
        make("tests/TinyEdits-v0", max_edits=0)


@pytest.mark.parametrize("shaping", [None, "potential"])
def test_e9_one_token_and_one_letter_make_an_episode(shaping):
    arguments = {"tokenizer": CharTokenizer("a"), "max_new_tokens": 1, "stop_at_eos": False, "shaping": shaping}
    env, envs = single("tests/Tiny-v0", **arguments), lanes("tests/Tiny-v0", **arguments)
    env.reset(seed=0)
    envs.reset(seed=0)
    assert np.flatnonzero(env.action_masks()).tolist() == [0]
    assert np.flatnonzero(envs.action_masks()).tolist() == [0, 4, 8]
    assert env.step(0)[2:4] == (True, False)
    assert envs.step(np.zeros(LANES, int))[2].all()
    assert check_text_env(env)["masks"] == "holds"


@pytest.mark.parametrize("make", [single, lanes])
def test_e11_closing_is_silent_twice_and_in_mid_episode(id, make):
    env = make(id)
    env.close()
    env = make(id, render_mode="human")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()
    env.close()
    del env


@pytest.mark.parametrize("mode", ["None", "'human'"])
def test_e11_nothing_is_said_when_the_interpreter_ends(mode):
    done = run(
        "import gymnasium as gym, textgym\n"
        f"env = gym.make('textgym/Copy-v0', render_mode={mode})\n"
        f"envs = gym.make_vec('textgym/Copy-v0', num_envs=2, render_mode={mode})\n"
        f"talk = gym.make('textgym/TaskDialogue-v0', render_mode={mode})\n"
        "for one in (env, envs, talk):\n"
        "    one.reset(seed=0); one.step(one.action_space.sample())\n"
        "cycle = [env, envs, talk]; cycle.append(cycle)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_e7_a_copy_of_a_copy_goes_on(id):
    env = single(id)
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(env)))
    action = actions(env, id, 1, 1)[0, 0]
    assert_same(env.step(action), twin.step(action))


def test_every_kind_of_environment_is_tried():
    assert {gym.spec(id).entry_point for id in KINDS} == {gym.spec(id).entry_point for id in every_id()}
