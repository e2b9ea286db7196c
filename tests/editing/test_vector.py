"""Many drafts at once: equal to single environments step by step, with one reward call for all that changed."""

import copy
import json
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import SyncVectorEnv

from tests.editing.tiny import V, some_edits
from tests.test_vector import assert_same
from tests.tiny import EOS
from textgym.editing import DELETE, INSERT, STOP
from textgym.editing.vector import EditVectorEnv
from textgym.errors import ConfigError, RewardError
from textgym.registration import make_reward

MODES = ["NextStep", "SameStep", "Disabled"]
LANES, N = 5, 8


def tiny(num_envs=LANES, **arguments):
    return EditVectorEnv("tiny-edits", num_envs=num_envs, **arguments)


def edits(*kinds, position=0, token=0):
    return np.array([[kind, position, token] for kind in kinds])


@pytest.mark.parametrize("mode", MODES)
def test_a_step_asks_the_reward_once_for_the_drafts_that_changed(mode):
    calls = []

    class Counting:
        def __call__(self, response, sample):
            calls.append(response)
            return len(response) / 100

    reward, batches = make_reward(Counting()), []
    judge = type(reward).__call__

    class Batched(type(reward)):
        def __call__(self, responses, samples):
            batches.append(len(responses))
            return judge(self, responses, samples)

    reward.__class__ = Batched
    env = tiny(reward=reward, autoreset_mode=mode)
    env.reset(options={"index": np.zeros(LANES, int)})
    assert batches == [LANES], "the drafts at the start"
    env.step(edits(INSERT, DELETE, INSERT, DELETE, STOP))
    restarted = [1] if mode == "SameStep" else []
    assert batches[1:] == [4, *restarted]
    if mode == "Disabled":
        env.reset(options={"reset_mask": np.array([False] * 4 + [True])})
    batches.clear()
    env.step(edits(*[INSERT] * LANES, token=EOS))
    assert batches == ([1] if mode == "NextStep" else []), "illegal edits change nothing"


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize(
    "actions",
    [[0.0] * 5, [True] * 5, [0] * 4, 3, [None] * 5, [[0.0, 0, 0]] * 5, [[0, 0]] * 5, [[0, 0, 0], 0, 0, 0, [0]]],
)
def test_e2_actions_of_wrong_type_or_shape_are_refused(actions, flat):
    env = tiny(flat=flat)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"Actions must be whole numbers of shape \(5,( 3)?\), got"):
        env.step(actions)


@pytest.mark.parametrize("action", [[4, 0, 0], [0, N, 0], [0, 0, V], [-1, 0, 0], [0, 0, 2**40]])
def test_e2_an_action_out_of_range_names_its_lane_and_changes_nothing(action):
    env = tiny()
    env.reset(seed=0)
    before = env.snapshot()
    actions = edits(*[INSERT] * LANES)
    actions[2] = action
    with pytest.raises(InvalidAction, match=re.escape(f"a token in [0, {V}), got {action} in lane 2.")):
        env.step(actions)
    assert env.snapshot() == before
    flat = tiny(flat=True)
    flat.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"A flat edit is a whole number in \[0, \d+\), got -1 in lane 0"):
        flat.step(np.array([-1, 0, 0, 0, 0]))


def test_the_action_of_a_lane_that_waits_for_its_reset_is_ignored():
    env = tiny()
    env.reset(seed=0)
    env.step(edits(STOP, *[INSERT] * 4))
    actions = edits(*[INSERT] * LANES)
    actions[0] = -9
    _, rewards, *_ = env.step(actions)
    assert rewards[0] == 0
    assert env.snapshot()["lanes"][0]["steps"] == 0


@pytest.mark.parametrize("id", ["tests/TinyEdits-v0", "tests/TinyEditsFlat-v0"])
def test_all_lanes_may_wait_for_their_reset_at_once(id):
    native = gym.make_vec(id, num_envs=LANES)
    sync = SyncVectorEnv([lambda: gym.make(id)] * LANES)
    assert_same(native.reset(seed=1), sync.reset(seed=1))
    stops = np.zeros(native.action_space.shape, int)
    for _ in range(4):
        assert_same(native.step(stops), sync.step(stops))


def test_e1_step_needs_a_reset():
    env = tiny(autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.step(edits(*[STOP] * LANES))
    env.reset(seed=0)
    env.step(edits(INSERT, STOP, INSERT, INSERT, STOP))
    with pytest.raises(ResetNeeded, match=r"lanes \[1, 4\] are over: call reset\(options={'reset_mask'"):
        env.step(edits(*[STOP] * LANES))


def test_arrays_that_were_returned_are_never_written_again():
    env = tiny(autoreset_mode="SameStep")
    results = [env.reset(seed=0), *(env.step(edits(*[1 + i % 3] * LANES)) for i in range(8)), (env.observations(),)]
    copies = copy.deepcopy(results)
    env.step(edits(*[STOP] * LANES))
    env.reset()
    assert_same(tuple(copies), tuple(results))


@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_e7_copies_in_mid_episode_go_on_identically(copied, mode):
    env = tiny(autoreset_mode=mode, edit_cost=0.01, reward="bleu")
    env.reset(seed=3)
    actions = some_edits(env, 40, LANES)
    for row in actions[:7]:
        env.step(row)
    twin = copied(env)
    for row in actions[7:]:
        assert_same(env.step(row), twin.step(row))
    assert twin.episodes.space is twin.single_observation_space
    assert twin.episodes.space is not env.episodes.space


@pytest.mark.parametrize("mode", MODES[:2])
def test_restore_branches_from_a_snapshot_that_passed_through_json(mode):
    env = tiny(autoreset_mode=mode)
    observations, _ = env.reset(seed=3)
    actions = some_edits(env, 40, LANES)
    for row in actions[:7]:
        observations, *_ = env.step(row)
    snapshot = json.loads(json.dumps(env.snapshot()))
    expected = [env.step(row) for row in actions[7:]]
    other = tiny(autoreset_mode=mode)
    for branch in (env, other):
        assert_same(branch.restore(snapshot), observations)
        assert branch.snapshot() == snapshot
        for row, result in zip(actions[7:], expected, strict=True):
            assert_same(branch.step(row), result)


def test_a_lane_of_a_snapshot_goes_on_in_a_single_environment():
    env, single = tiny(), gym.make("tests/TinyEdits-v0").unwrapped
    env.reset(seed=3)
    env.step(edits(INSERT, DELETE, INSERT, DELETE, INSERT))
    np.testing.assert_array_equal(single.restore(env.snapshot()["lanes"][2]), env.observations()[2])
    assert single.snapshot() == env.snapshot()["lanes"][2]


def test_snapshots_that_do_not_fit_are_refused():
    env = tiny()
    env.reset(seed=0)
    snapshot = env.snapshot()
    with pytest.raises(ConfigError, match="The snapshot has 5 lanes, this environment has 2"):
        tiny(num_envs=2).restore(snapshot)
    snapshot["lanes"][1].pop("steps")
    before = env.snapshot()
    with pytest.raises(ConfigError, match="it lacks steps"):
        env.restore(snapshot)
    assert env.snapshot() == before


def test_there_are_no_whole_responses():
    env = tiny()
    env.reset(seed=0)
    with pytest.raises(ConfigError, match=r"edited step by step: begin\(\) is for environments that write"):
        env.begin(LANES)
    with pytest.raises(ConfigError, match=r"edited step by step: score\(\) is for environments that write"):
        env.score(np.zeros((LANES, 1)), np.ones(LANES))
    assert not env.whole_responses


def test_demonstrations_can_be_drawn_or_chosen_and_do_not_touch_the_lanes():
    env = tiny(max_edits=20)
    env.reset(seed=0)
    before = env.snapshot()
    drawn = env.demonstrations(20, np.random.default_rng(0))
    assert set(drawn.index) == set(range(5))
    assert env.snapshot() == before
    chosen = env.demonstrations([3, 0], np.random.default_rng(0))
    assert chosen.index.tolist() == [3, 0, 0]
    assert chosen.actions[0].tolist() == [STOP, 0, 0], "that draft is right already"


def test_render_gives_a_text_for_each_lane():
    env = tiny(num_envs=2, render_mode="ansi")
    assert env.render() == ("no episode yet: call reset()",) * 2
    env.reset(options={"index": [0, 1]})
    env.step(edits(STOP, INSERT))
    expected = ("prompt:    abc\nreference: abc\nreference: cab\ndraft:     abd\nreward:    0.0000 (ended)",)
    assert env.render() == (*expected, "prompt:    h\nreference: a\ndraft:     a\nreward:    1.0000 (goes on)")


@pytest.mark.parametrize("mode", MODES)
def test_after_a_reward_that_failed_only_a_reset_leads_on(mode):
    calls = []

    def fails_third(response, sample):
        calls.append(response)
        if len(calls) == 3:
            raise ArithmeticError("once")
        return 0.5

    envs = tiny(num_envs=2, reward=fails_third, autoreset_mode=mode)
    envs.reset(options={"index": [0, 1]})
    with pytest.raises(RewardError, match="once"):
        envs.step(edits(INSERT, INSERT))
    with pytest.raises(ResetNeeded, match="call reset"):
        envs.step(edits(STOP, STOP))
    envs.reset()
    _, rewards, *_ = envs.step(edits(STOP, STOP))
    assert rewards.tolist() == [0.0, 0.0]
