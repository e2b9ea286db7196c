"""The native vector environment of every id equals single environments, and its copies go on alike."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from tests.suite.ids import actions, every_id, kind, small
from tests.test_vector import assert_same

MODES = ["NextStep", "SameStep", "Disabled"]
LANES = 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("id", every_id())
def test_vector_equals_sync_vector_of_single_environments(id, mode):
    native = gym.make_vec(id, num_envs=LANES, autoreset_mode=mode, **small(id))
    sync = SyncVectorEnv([lambda: gym.make(id, **small(id))] * LANES, autoreset_mode=mode)
    assert native.single_observation_space == sync.single_observation_space
    assert native.observation_space == sync.observation_space
    assert native.action_space == sync.action_space
    assert native.metadata == sync.metadata
    assert_same(native.reset(seed=11), sync.reset(seed=11))
    ended = answered = 0
    for row in actions(native, id, 80 if kind(id) == "dialogue" else 40, LANES):
        result = native.step(row)
        assert_same(result, sync.step(row))
        over = result[2] | result[3]
        ended += over.sum()
        answered += result[4].get("_answer", np.zeros(LANES)).sum()
        if mode == "Disabled" and over.any():
            seeds = [lane if (lane + ended) % 2 else None for lane in range(LANES)]
            options = ({"reset_mask": over.copy()}, {"reset_mask": over.copy()})
            again = native.reset(seed=seeds, options=options[0]), sync.reset(seed=seeds, options=options[1])
            assert_same(*again)
        if mode != "NextStep":
            np.testing.assert_array_equal(native.action_masks(), np.array(sync.call("action_masks")))
    assert ended > LANES
    assert (answered > LANES) == (kind(id) == "dialogue")
    assert native.np_random_seed == sync.np_random_seed
    states = [[g.bit_generator.state for g in env.np_random] for env in (native, sync)]
    assert states[0] == states[1]


@pytest.mark.parametrize("id", every_id())
def test_pickles_copies_and_snapshots_of_lanes_go_on_identically(id):
    env, other = (gym.make_vec(id, num_envs=LANES, autoreset_mode="SameStep", **small(id)) for _ in range(2))
    env.reset(seed=3)
    rows = actions(env, id, 24, LANES)
    for row in rows[:9]:
        env.step(row)
    snapshot = json.loads(json.dumps(env.snapshot()))
    other.reset(seed=99)
    assert_same(other.restore(snapshot), env.observations())
    twins = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env), other]
    expected = [env.step(row) for row in rows[9:]]
    for twin in twins:
        for row, result in zip(rows[9:], expected, strict=True):
            assert_same(twin.step(row), result)
    env.restore(snapshot)
    assert_same(env.step(rows[9]), expected[0])


@pytest.mark.parametrize("id", every_id())
def test_a_lane_of_a_snapshot_goes_on_in_a_single_environment(id):
    env, single = gym.make_vec(id, num_envs=2, **small(id)), gym.make(id, **small(id)).unwrapped
    env.reset(seed=3)
    first, second = actions(env, id, 2, 2, seed=1)
    env.step(first)
    single.reset(seed=0)
    snapshot = env.snapshot()
    np.testing.assert_array_equal(single.restore(snapshot["lanes"][1]), env.observations()[1])
    assert single.snapshot().keys() >= snapshot["lanes"][1].keys()
    if single.snapshot().get("ended") or env.step(second)[4].get("_prompt", [False, False])[1]:
        return  # the first action ended it
    np.testing.assert_array_equal(single.step(second[1])[0], env.observations()[1])
