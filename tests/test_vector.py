"""The native vector environment equals single environments, and its path for whole responses equals stepping."""

import copy
import json
import pickle
import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from tests.tiny import EOS, SAMPLES, TOKENIZER, all_ids, small, some_actions
from textgym.errors import ConfigError, DataError, RewardError
from textgym.vector import TextGenerationVectorEnv

MODES = ["NextStep", "SameStep", "Disabled"]
LANES = 5
T = 6
IDS = {char: i for i, char in enumerate("abcdefgh ")}


def tiny(num_envs=LANES, **arguments):
    return TextGenerationVectorEnv("tiny", num_envs=num_envs, **arguments)


def assert_same(left, right):
    """Equal to the last bit: types, dtypes, shapes and values."""
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, tuple):
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, np.ndarray) and left.dtype == object:
        assert right.dtype == object
        assert_same(tuple(left), tuple(right))
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    else:
        assert left == right


def pack(texts, eos=True):
    """Return responses [N, T] and lengths [N] of texts shorter than T, and of those of T tokens."""
    rows = [[IDS[c] for c in text] for text in texts]
    rows = [[*row, EOS] if eos and len(row) < T else row for row in rows]
    return np.array([row + [-1] * (T - len(row)) for row in rows]), np.array([len(row) for row in rows])


@pytest.mark.parametrize("mode", MODES)
def test_seeded_reset_in_mid_episode_equals_sync_vector(mode):
    native = gym.make_vec("tests/Tiny-v0", num_envs=LANES, autoreset_mode=mode)
    sync = SyncVectorEnv([lambda: gym.make("tests/Tiny-v0")] * LANES, autoreset_mode=mode)
    for env in (native, sync):
        env.reset(seed=1)
        env.step(np.array([EOS, 0, EOS, 1, 2]))
    assert_same(native.reset(seed=[5, None, 7, None, 9]), sync.reset(seed=[5, None, 7, None, 9]))


def test_autoreset_mode_is_given_as_string_or_enum_and_told_per_instance():
    envs = [tiny(autoreset_mode=mode) for mode in ("Disabled", AutoresetMode.SAME_STEP)]
    assert [env.metadata["autoreset_mode"] for env in envs] == [AutoresetMode.DISABLED, AutoresetMode.SAME_STEP]
    assert gym.make_vec("tests/Tiny-v0", num_envs=2).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    with pytest.raises(ConfigError, match=r"autoreset_mode cannot be 'samestep'. Did you mean 'SameStep'\?"):
        tiny(autoreset_mode="samestep")


def test_spec_of_the_vector_environment_is_json():
    env = gym.make_vec("tests/Tiny-v0", num_envs=3, autoreset_mode="SameStep", split="test")
    again = gym.make_vec(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.num_envs == 3
    assert_same(again.reset(seed=1), env.reset(seed=1))


def test_arrays_that_were_returned_are_never_written_again():
    env = tiny(autoreset_mode="SameStep")
    results = [env.reset(seed=0), *(env.step(np.full(LANES, i % 9)) for i in range(8)), (env.observations(),)]
    copies = copy.deepcopy(results)
    env.step(np.full(LANES, EOS))
    env.reset()
    assert_same(tuple(copies), tuple(results))


@pytest.mark.parametrize("actions", [[0.0] * LANES, [True] * LANES, [0] * (LANES - 1), 3, [None] * LANES, [0, [1, 2]]])
def test_actions_of_wrong_type_or_shape_are_refused(actions):
    env = tiny()
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"Actions must be whole numbers of shape \(5,\), got"):
        env.step(actions)


@pytest.mark.parametrize("value", [-1, TOKENIZER.vocab_size, 2**40])
def test_action_out_of_range_names_its_lane_and_changes_nothing(value):
    env = tiny()
    env.reset(seed=0)
    before = env.snapshot()
    with pytest.raises(InvalidAction, match=rf"token id in \[0, {TOKENIZER.vocab_size}\), got {value} in lane 2"):
        env.step(np.array([0, 1, value, 3, 4]))
    assert env.snapshot() == before


def test_action_of_a_lane_that_waits_for_its_reset_is_ignored():
    env = tiny()
    env.reset(seed=0)
    env.step(np.array([EOS, 0, 0, 0, 0]))
    observations, rewards, *_ = env.step(np.array([-9, 0, 0, 0, 0]))
    assert rewards[0] == 0
    assert (observations[0, 8:] == -1).all()


def test_step_needs_a_reset():
    env = tiny(autoreset_mode="Disabled")
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.step(np.zeros(LANES, int))
    env.reset(seed=0)
    env.step(np.array([0, EOS, 0, 0, EOS]))
    with pytest.raises(ResetNeeded, match=r"lanes \[1, 4\] are over: call reset\(options={'reset_mask'"):
        env.step(np.zeros(LANES, int))


def test_index_option_plays_these_samples():
    env = tiny()
    _, infos = env.reset(options={"index": np.array([4, 3, 2, 1, 0])})
    assert infos["prompt"].tolist() == [sample.prompt for sample in SAMPLES[::-1]]
    mask = np.array([True, False, False, False, True])
    _, infos = env.reset(options={"index": np.array([1, 0, 0, 0, 2]), "reset_mask": mask})
    assert infos["prompt"].tolist() == ["h", None, None, None, "de fg"]


def test_reset_does_not_change_the_callers_options():
    env = tiny()
    env.reset(seed=0)
    options = {"reset_mask": np.ones(LANES, bool)}
    env.reset(options=options)
    assert list(options) == ["reset_mask"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"indx": 1}}, "reset() has no option 'indx': it accepts 'index', 'reset_mask'."),
        ({"options": {"index": [1, 2]}}, "options['index'] must have shape (5,), got (2,)."),
        ({"options": {"index": [0, 1, 2, 3, 5]}}, "lies in [0, 5), got 5."),
        ({"options": {"index": [0.0] * 5}}, "A sample's index must be a whole number, got"),
        ({"options": {"reset_mask": [True] * 5}}, "must be a bool array of shape (5,) with a True"),
        ({"options": {"reset_mask": np.zeros(5, bool)}}, "must be a bool array of shape (5,) with a True"),
        ({"seed": [1, 2]}, "A list of seeds must have one for each of 5 lanes, got 2."),
        ({"seed": -1}, "seed must be at least 0, got -1."),
        ({"seed": "1"}, "seed must be a whole number, got '1' (str)."),
    ],
)
def test_reset_refuses(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        tiny().reset(**arguments)


def test_first_reset_is_for_all_lanes():
    with pytest.raises(ResetNeeded, match="The first reset"):
        tiny().reset(options={"reset_mask": np.array([True, False, False, False, False])})


def test_num_envs_must_be_positive():
    with pytest.raises(ConfigError, match="num_envs must be at least 1, got 0"):
        tiny(num_envs=0)


def test_action_masks_equal_those_of_the_space():
    env = tiny(min_new_tokens=2, banned_tokens=[1])
    env.reset(seed=0)
    env.step(np.array([0, EOS, 0, 0, 0]))
    env.step(np.array([0, 0, 0, 0, 0]))
    np.testing.assert_array_equal(env.action_masks(), env.single_observation_space.allowed(np.array([2, 0, 2, 2, 2])))


def test_render_gives_a_text_for_each_lane():
    env = tiny(num_envs=2, render_mode="ansi")
    assert env.render() == ("no episode yet: call reset()",) * 2
    env.reset(options={"index": [0, 1]})
    env.step(np.array([IDS["c"], EOS]))
    expected = ("prompt:    abc\nreference: cab\nreference: bca\nresponse:  c\nreward:    0.0000 (goes on)",)
    assert env.render() == (*expected, "prompt:    h\nreference: a\nresponse:  \nreward:    0.0000 (ended)")


def test_render_without_a_mode_says_how_to_get_one():
    with pytest.warns(UserWarning, match="make_vec"):
        assert tiny().render() is None


@pytest.mark.parametrize("mode", MODES[:2])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_in_mid_episode_go_on_identically(copied, mode):
    env = tiny(autoreset_mode=mode, shaping="potential", discount=0.5)
    env.reset(seed=3)
    actions = some_actions(env.single_observation_space, EOS, 40, LANES)
    for row in actions[:7]:
        env.step(row)
    twin = copied(env)
    for row in actions[7:]:
        assert_same(env.step(row), twin.step(row))
    assert twin.episodes.space is twin.single_observation_space
    assert twin.episodes.space is not env.episodes.space
    assert_same(env.episodes.space.sample(), twin.episodes.space.sample())


@pytest.mark.parametrize("mode", MODES[:2])
def test_restore_branches_from_a_snapshot_that_passed_through_json(mode):
    env = tiny(autoreset_mode=mode, shaping="potential")
    observations, _ = env.reset(seed=3)
    actions = some_actions(env.single_observation_space, EOS, 40, LANES)
    for row in actions[:7]:
        observations, *_ = env.step(row)
    snapshot = json.loads(json.dumps(env.snapshot()))
    expected = [env.step(row) for row in actions[7:]]
    other = tiny(autoreset_mode=mode, shaping="potential")
    for branch in (env, other):
        assert_same(branch.restore(snapshot), observations)
        for row, result in zip(actions[7:], expected, strict=True):
            assert_same(branch.step(row), result)


def test_a_lane_of_a_snapshot_goes_on_in_a_single_environment():
    env, single = tiny(), gym.make("tests/Tiny-v0").unwrapped
    env.reset(seed=3)
    env.step(np.array([0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(single.restore(env.snapshot()["lanes"][2]), env.observations()[2])
    assert single.snapshot() == env.snapshot()["lanes"][2]


def test_snapshots_that_do_not_fit_are_refused():
    env = tiny()
    with pytest.raises(ResetNeeded, match="call reset"):
        env.snapshot()
    env.reset(seed=0)
    snapshot = env.snapshot()
    with pytest.raises(ConfigError, match="The snapshot has 5 lanes, this environment has 2"):
        tiny(num_envs=2).restore(snapshot)
    with pytest.raises(ConfigError, match="it lacks 'lanes'"):
        env.restore({})
    with pytest.raises(ConfigError, match="it lacks 'lanes'"):
        env.restore(None)
    with pytest.raises(ConfigError, match="return must be a number, got None"):
        env.restore({"lanes": [lane | {"return": None} for lane in snapshot["lanes"]]})
    assert env.snapshot() == snapshot
    snapshot["lanes"][1].pop("tokens")
    with pytest.raises(ConfigError, match="it lacks tokens"):
        env.restore(snapshot)


# --- whole responses ---------------------------------------------------------------------------------------------


def random_responses(space, rows, seed=0):
    """Return responses that end at their first eos or at T, ids that are not allowed included."""
    rng = np.random.default_rng(seed)
    T = space.max_new_tokens
    ids = np.where(rng.random((rows, T)) < 0.15, space.eos_id, rng.integers(0, space.vocab_size, (rows, T)))
    first = np.where((ids == space.eos_id).any(axis=1), (ids == space.eos_id).argmax(axis=1) + 1, T)
    return np.where(np.arange(T) < first[:, None], ids, -1), first


@pytest.mark.parametrize("id", all_ids())
def test_score_pays_what_stepping_the_same_responses_in_same_step_mode_pays(id):
    fast, slow = (gym.make_vec(id, num_envs=4, autoreset_mode="SameStep", **small(id)) for _ in range(2))
    observations, _ = fast.reset(seed=5)
    slow.reset(seed=5)
    space = fast.single_observation_space
    P, T = space.max_prompt_tokens, space.max_new_tokens
    prompts = fast.begin(12)
    responses, lengths = random_responses(space, 12)
    np.testing.assert_array_equal(prompts.ids[:4], observations[:, :P])
    scores = fast.score(responses.astype(np.int32), lengths)
    assert scores.rewards.shape == (12, T)
    played = np.zeros(4, int)  # how many of its three responses each lane has finished
    position = np.zeros(4, int)
    while (played < 3).any():
        rows = np.minimum(played, 2) * 4 + np.arange(4)
        for lane in np.flatnonzero(played < 3):
            if position[lane] == 0:
                np.testing.assert_array_equal(slow.observations()[lane, :P], prompts.ids[rows[lane]])
        live = played < 3
        if not live.all():  # lanes with a shorter way have drawn their next prompt: they must not go on
            frozen = slow.snapshot()["lanes"]
        _, rewards, terminated, truncated, infos = slow.step(responses[rows, position].clip(0))
        if not live.all():
            now = slow.snapshot()["lanes"]
            slow.restore({"lanes": [now[i] if live[i] else frozen[i] for i in range(4)]})
        for lane in np.flatnonzero(live):
            row = rows[lane]
            assert rewards[lane] == scores.rewards[row, position[lane]]
            position[lane] += 1
            over = terminated[lane] or truncated[lane]
            assert over == (position[lane] == lengths[row])
            if over:
                assert (terminated[lane], truncated[lane]) == (scores.terminated[row], scores.truncated[row])
                for key, values in scores.infos.items():
                    assert infos["final_info"][key][lane] == values[row]
                    assert infos["final_info"][key].dtype == values.dtype
                played[lane], position[lane] = played[lane] + 1, 0
    assert (scores.rewards[np.arange(T) >= lengths[:, None]] == 0).all()
    assert fast.snapshot()["lanes"] == slow.snapshot()["lanes"]  # the generators included
    np.testing.assert_array_equal(fast.observations(), slow.observations())


def test_shaped_rewards_with_discount_one_sum_to_the_score():
    env = tiny(shaping="potential")
    env.reset(seed=0)
    env.begin(200 * LANES)
    responses, lengths = random_responses(env.single_observation_space, 200 * LANES)
    penalised = (responses == TOKENIZER.sep_id).sum(1) + (responses == TOKENIZER.unk_id).sum(1)
    scores = env.score(responses, lengths)
    np.testing.assert_allclose(scores.rewards.sum(1) + penalised, scores.infos["score"], rtol=0, atol=1e-12)


def test_groups_of_responses_answer_the_same_prompt():
    env = tiny(num_envs=2)
    env.reset(options={"index": [0, 1]})
    prompts = env.begin(2, responses_per_prompt=3)
    assert prompts.index.tolist() == [0, 1]
    scores = env.score(*pack(["abc", "ab", "a", "abc", "h", "ha"]))
    np.testing.assert_allclose(scores.infos["score"], [1, 2 / 3, 1 / 3, -3 / 9, 1, 8 / 9])
    assert scores.infos["response"].tolist() == ["abc", "ab", "a", "abc", "h", "ha"]
    assert scores.infos["finish"].tolist() == ["eos"] * 6
    assert scores.infos["length"].tolist() == [4, 3, 2, 4, 2, 3]


def test_one_reward_call_judges_all_lanes_that_end():
    calls = []

    def counting(response, sample):
        calls.append(response)
        return 0.0

    env = tiny(reward=counting)
    batches = []
    judge = env.episodes.judge
    env.episodes.judge = lambda responses, samples: batches.append(len(responses)) or judge(responses, samples)
    env.reset(seed=0)
    env.step(np.array([EOS, EOS, 0, EOS, 0]))
    env.step(np.full(LANES, EOS))
    assert batches == [3, 2]
    assert len(calls) == 5


def test_begin_and_score_come_in_turn_at_the_start_of_episodes():
    env = tiny(num_envs=2)
    with pytest.raises(ResetNeeded, match=r"call reset\(\) first"):
        env.begin(2)
    env.reset(seed=0)
    with pytest.raises(ResetNeeded, match=r"call begin\(\) first"):
        env.score(*pack(["a", "b"]))
    env.step(np.array([0, EOS]))
    with pytest.raises(ResetNeeded, match=r"lanes \[0, 1\] are not: reset"):
        env.begin(2)
    env.reset(seed=0)
    env.begin(2)
    for call in (lambda: env.step(np.zeros(2, int)), lambda: env.begin(2), env.snapshot):
        with pytest.raises(ResetNeeded, match=r"call score\(\) with their responses, or reset\(\)"):
            call()
    env.reset()
    env.begin(2)
    env.score(*pack(["a", "b"]))
    env.step(np.zeros(2, int))


@pytest.mark.parametrize(
    ("n", "group", "message"),
    [
        (3, 1, "n must be a multiple of num_envs=2, and at least that, got 3."),
        (0, 1, "n must be a multiple of num_envs=2, and at least that, got 0."),
        (2.0, 1, "n must be a whole number, got 2.0 (float)."),
        (2, 0, "responses_per_prompt must be at least 1, got 0."),
    ],
)
def test_begin_refuses(n, group, message):
    env = tiny(num_envs=2)
    env.reset(seed=0)
    with pytest.raises(ConfigError, match=re.escape(message)):
        env.begin(n, group)


GOOD = [[0, EOS, -1, -1, -1, -1], [1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("responses", "lengths", "message"),
    [
        (GOOD[:1], [2, 6], "responses must be whole numbers of shape (2, 6), got int64 (1, 6)."),
        (np.array(GOOD, float), [2, 6], "responses must be whole numbers of shape (2, 6), got float64 (2, 6)."),
        (GOOD, [2], "lengths must be whole numbers of shape (2,), got int64 (1,)."),
        (GOOD, [0, 6], "Response row 0 has a length outside [1, 6], got 0."),
        (GOOD, [2, 7], "Response row 1 has a length outside [1, 6], got 7."),
        (
            [GOOD[0], [1, 2, 3, 4, 5, 99]],
            [2, 6],
            "Response row 1 must hold ids in [0, 12) up to its length and -1 after",
        ),
        (
            [GOOD[0], [1, 2, 3, 4, 5, -1]],
            [2, 6],
            "Response row 1 must hold ids in [0, 12) up to its length and -1 after",
        ),
        ([[0, EOS, 3, -1, -1, -1], GOOD[1]], [2, 6], "Response row 0 must hold ids in [0, 12) up to its length"),
        (
            [[0, 1, -1, -1, -1, -1], GOOD[1]],
            [2, 6],
            "Response row 0 must end at its first eos or stop string, or at 6 tokens",
        ),
        (
            [[EOS, EOS, -1, -1, -1, -1], GOOD[1]],
            [2, 6],
            "Response row 0 must end at its first eos or stop string, or at 6 tokens",
        ),
        (
            [[EOS, 1, -1, -1, -1, -1], GOOD[1]],
            [2, 6],
            "Response row 0 must end at its first eos or stop string, or at 6 tokens",
        ),
    ],
)
def test_score_refuses_what_no_steps_could_have_written(responses, lengths, message):
    env = tiny(num_envs=2)
    env.reset(seed=0)
    env.begin(2)
    with pytest.raises(ConfigError, match=re.escape(message)):
        env.score(np.array(responses), np.array(lengths))
    env.score(np.array(GOOD), np.array([2, 6]))  # what was handed out still waits


def test_demonstrations_are_references_with_an_eos_cut_at_the_limit():
    env = tiny(num_envs=1)
    demonstrations = env.demonstrations([2] * 200, np.random.default_rng(0))
    assert (demonstrations.index == 2).all()
    texts = {TOKENIZER.decode(row[:n]) for row, n in zip(demonstrations.responses, demonstrations.lengths, strict=True)}
    assert texts == {"gf ed", "g", "hhhhhh"}
    last = demonstrations.responses[np.arange(200), demonstrations.lengths - 1]
    np.testing.assert_array_equal(last == EOS, ~demonstrations.cut)
    assert ((demonstrations.responses >= 0).sum(1) == demonstrations.lengths).all()
    counts = [np.mean(demonstrations.lengths == n) for n in (6, 2)]  # "gf ed" and the cut one have six tokens
    np.testing.assert_allclose(counts, [2 / 3, 1 / 3], atol=0.1)
    observations, _ = env.reset(options={"index": [2]})
    np.testing.assert_array_equal(demonstrations.prompts[:1], observations[:, :8])


def test_demonstrations_can_be_drawn_and_do_not_touch_the_lanes():
    env = tiny(num_envs=1, split="test")
    env.reset(seed=0)
    before = env.snapshot()
    drawn = env.demonstrations(300, np.random.default_rng(0))
    assert np.unique(drawn.index, return_counts=True)[1].min() > 100
    assert env.snapshot() == before
    again = env.demonstrations(300, np.random.default_rng(0))
    assert_same(drawn, again)


def test_demonstrations_can_be_scored():
    env = tiny(num_envs=2, reward="exact_match")
    env.reset(options={"index": [0, 1]})
    env.begin(2)
    shown = env.demonstrations([0, 1], np.random.default_rng(0))
    assert env.score(shown.responses, shown.lengths).infos["score"].tolist() == [1.0, 1.0]


def test_a_sample_without_reference_cannot_be_demonstrated():
    with pytest.raises(DataError, match="Sample 4 has no reference to learn from: 'head'"):
        tiny().demonstrations([4], np.random.default_rng(0))


def test_dropped_prompts_are_left_out_of_demonstrations_and_never_drawn():
    env = tiny(num_envs=1, max_prompt_tokens=4, overlong="drop")
    shown = env.demonstrations([0, 1, 2, 3], np.random.default_rng(0))
    assert shown.index.tolist() == [0, 1]
    env.reset(seed=0)
    assert set(env.begin(100).index.tolist()) == {0, 1}


@pytest.mark.parametrize("mode", MODES)
def test_after_a_reward_that_failed_only_a_reset_leads_on(mode):
    calls = []

    def fails_once(response, sample):
        calls.append(response)
        if len(calls) == 1:
            raise ArithmeticError("once")
        return 0.5

    envs = tiny(num_envs=2, reward=fails_once, autoreset_mode=mode)
    envs.reset(seed=0)
    with pytest.raises(RewardError, match="once"):
        envs.step(np.full(2, EOS))
    with pytest.raises(ResetNeeded, match="call reset"):
        envs.step(np.full(2, EOS))
    envs.reset()
    _, rewards, *_ = envs.step(np.full(2, EOS))
    assert rewards.tolist() == [0.5, 0.5]
