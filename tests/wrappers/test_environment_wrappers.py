"""Wrappers around environments: what each changes, and that nothing else changes."""

import copy
import json
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from tests.tiny import EOS, SAMPLES, TOKENIZER, Tiny
from textgym.errors import ConfigError, DataError
from textgym.wrappers import (
    BackwardCurriculum,
    RepeatPrompts,
    RepeatPromptsVector,
    StartFromPrefix,
    TimePenalty,
    TimePenaltyVector,
    TopKVocabulary,
    TopKVocabularyVector,
    WholeResponse,
    WholeResponseVector,
    frequent_tokens,
)

MODES = ["NextStep", "SameStep", "Disabled"]
V, T = TOKENIZER.vocab_size, 6


class Answered(Tiny):
    """The samples with references."""

    def samples(self, split):
        return SAMPLES[:4]


def make(**arguments):
    return gym.make("tests/Tiny-v0", disable_env_checker=True, **arguments)


def play(env, seed=None, options=None, actions=None):
    """Play an episode; return its information, the rewards and how often it stepped."""
    _, info = env.reset(seed=seed, options=options)
    rng, rewards, over = np.random.default_rng(0), [], False
    while not over:
        action = actions[len(rewards)] if actions is not None else int(rng.integers(env.action_space.n))
        _, reward, terminated, truncated, last = env.step(action)
        rewards.append(reward)
        over = terminated or truncated
    return info | last, rewards


WRAPPED = {
    "repeat": lambda env: RepeatPrompts(env, 3),
    "prefix": lambda env: StartFromPrefix(env),
    "backward": lambda env: BackwardCurriculum(env, stride=0.5, window=2),
    "vocabulary": lambda env: TopKVocabulary(env, 4),
    "time": lambda env: TimePenalty(env, 0.1),
    "whole": WholeResponse,
}


@pytest.mark.parametrize("name", WRAPPED)
def test_gymnasium_accepts_every_wrapper(name):
    env = WRAPPED[name](make(task=Answered()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*is different from the unwrapped version")
        warnings.filterwarnings("ignore", message=".*symmetric and normalized space")
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize("name", WRAPPED)
def test_a_snapshot_goes_on_to_the_last_bit(name):
    env = WRAPPED[name](make(task=Answered()))
    env.action_space.seed(1)
    env.reset(seed=3)
    for _ in range(4):
        play_on(env, [env.action_space.sample() for _ in range(3)])
    state = json.loads(json.dumps(env.snapshot()))
    actions = [env.action_space.sample() for _ in range(40)]
    twin = copy.deepcopy(env)
    first = play_on(env, actions)
    env.restore(state)
    assert play_on(env, actions) == first == play_on(twin, actions)


def play_on(env, actions):
    told, over = [], env.unwrapped._ended
    for action in actions:
        if over:
            told.append(env.reset()[0].tolist())
        observation, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        told.append((observation.tolist(), reward, terminated, truncated, sorted(info)))
    return told


def test_each_prompt_is_played_as_often_as_asked():
    env = RepeatPrompts(make(), 3)
    infos = [env.reset(seed=5 if i == 0 else None)[1] for i in range(9)]
    assert [info["repeat"] for info in infos] == [0, 1, 2] * 3
    indices = [info["index"] for info in infos]
    assert indices == [i for i in indices[::3] for _ in range(3)]
    plain = make()
    assert indices[::3] == [plain.reset(seed=5 if i == 0 else None)[1]["index"] for i in range(3)]
    assert env.reset(options={"index": 4})[1] | {"x": 0} == env.reset()[1] | {"repeat": 0, "x": 0}


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_lanes_of_a_group_play_the_same_prompts_in_the_same_order(mode):
    envs = RepeatPromptsVector(gym.make_vec("tests/Tiny-v0", num_envs=6, autoreset_mode=mode), 3)
    _, infos = envs.reset(seed=[7, 8])
    played = [[i] for i in infos["index"]]
    rng = np.random.default_rng(0)
    for _ in range(60):
        *_, infos = envs.step(np.where(rng.random(6) < 0.3, EOS, rng.integers(0, 5, 6)))
        for lane in np.flatnonzero(infos.get("_index", [])):
            played[lane].append(infos["index"][lane])
    least = min(map(len, played))
    assert least > 5
    cut = [order[:least] for order in played]
    assert cut[0] == cut[1] == cut[2] != cut[3] == cut[4] == cut[5]


def test_lanes_of_a_group_agree_without_a_seed_too():
    envs = RepeatPromptsVector(gym.make_vec("tests/Tiny-v0", num_envs=8), 8)
    assert len({tuple(envs.reset()[1]["index"]) for _ in range(5)}) > 1
    for _ in range(5):
        assert len(set(envs.reset()[1]["index"])) == 1
    with pytest.raises(ConfigError, match="no option 'index'"):
        envs.reset(options={"index": np.zeros(8, int)})


def test_groups_must_fit():
    with pytest.raises(ConfigError, match="multiple of times=4, got 6"):
        RepeatPromptsVector(gym.make_vec("tests/Tiny-v0", num_envs=6), 4)
    with pytest.raises(ConfigError, match="times must be at least 1, got 0"):
        RepeatPrompts(make(), 0)


def test_the_prefix_is_the_beginning_of_a_reference_and_is_not_paid():
    env = StartFromPrefix(make(shaping="potential"), share=0.67)
    plain = make(shaping="potential")
    observation, info = env.reset(seed=1, options={"index": 0})
    assert info["prefix_tokens"] == 2
    written = observation[8:][observation[8:] >= 0].tolist()
    assert TOKENIZER.decode(written) in {"ca", "bc"}
    *_, last = env.step(EOS)
    plain.reset(options={"index": 0})
    rewards = [plain.step(i)[1] for i in [*written, EOS]]
    assert env.unwrapped._return == pytest.approx(sum(rewards))
    assert last["response"] == TOKENIZER.decode(written)


def test_a_prefix_leaves_a_token_to_write():
    env = StartFromPrefix(make(), share=1.0)
    for seed in range(20):
        _, info = env.reset(seed=seed, options={"index": 2})  # one reference is longer than T
        assert info["prefix_tokens"] <= T - 1
        env.step(EOS)


def test_shares_are_drawn_and_can_be_given():
    env = StartFromPrefix(make(), share=(0.0, 1.0))
    counts = {env.reset(seed=seed, options={"index": 3})[1]["prefix_tokens"] for seed in range(50)}
    assert counts == {0, 1, 2, 3, 4, 5}
    assert env.reset(options={"index": 3, "share": 0.0})[1]["prefix_tokens"] == 0
    assert env.share == (0.0, 1.0)


@pytest.mark.parametrize("share", [-0.1, 1.1, (0.5, 0.4), (0.1, 0.2, 0.3), "all", float("nan")])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(ConfigError, match="share must be a number"):
        StartFromPrefix(make(), share=share)


def test_a_sample_without_references_has_no_prefix():
    env = StartFromPrefix(make())
    with pytest.raises(DataError, match="Sample 4 has no reference"):
        env.reset(options={"index": 4})


def test_the_curriculum_from_the_end_moves_back_with_success():
    env = BackwardCurriculum(make(), stride=0.25, threshold=1.0, window=2, succeeds_at=0.5)
    shares = []
    for _ in range(10):
        info, _ = play(env, options={"index": 0}, actions=[0, 1, 2, EOS, EOS, EOS])  # writes all letters of the prompt
        shares.append(info["share"])
    assert shares == [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0]
    for _ in range(4):
        play(env, options={"index": 0}, actions=[5, EOS])  # fails
    assert env.share == (0.0, 0.0)


def test_a_token_costs_what_was_said():
    info, rewards = play(TimePenalty(make(), 0.25), options={"index": 0}, actions=[0, 1, EOS])
    assert rewards == [-0.25, -0.25, info["score"] - 0.25]
    with pytest.raises(ConfigError, match="cost must be at least 0"):
        TimePenalty(make(), -1.0)


def test_only_the_commonest_tokens_can_be_written():
    env = TopKVocabulary(make(), 4)
    # the references without cuts have h 16 times, a 5 times, then d 4 times
    assert [TOKENIZER.decode([i]) for i in env.tokens if i != EOS] == ["a", "d", "h"]
    assert EOS in env.tokens
    assert env.action_masks().shape == (4,)
    env.reset(options={"index": 0})
    letter = {TOKENIZER.decode([i]): k for k, i in enumerate(env.tokens)}
    for action in (letter["h"], letter["a"], int(np.flatnonzero(env.tokens == EOS)[0])):
        *_, info = env.step(action)
    assert info["response"] == "ha"
    env.reset()
    for wrong in (4, -1, 1.0):
        with pytest.raises(InvalidAction, match=r"\[0, 4\)|whole number"):
            env.step(wrong)


def test_a_vocabulary_cannot_have_more_tokens_than_are_allowed():
    episodes = gym.make("tests/TinyStrict-v0").unwrapped.episodes
    assert not {0, 3} & {*frequent_tokens(episodes, 8).tolist()}
    with pytest.raises(ConfigError, match=r"k must lie in \[2, 8\], got 9"):
        frequent_tokens(episodes, 9)


def test_wrappers_that_write_token_ids_refuse_other_actions():
    with pytest.raises(ConfigError, match="put it inside"):
        StartFromPrefix(TopKVocabulary(make(), 4))
    with pytest.raises(ConfigError, match="goes around a text environment"):
        TimePenalty(gym.make("CartPole-v1"), 1.0)


VECTOR = {
    "time": (lambda env: TimePenalty(env, 0.1), lambda envs: TimePenaltyVector(envs, 0.1)),
    "vocabulary": (lambda env: TopKVocabulary(env, 4), lambda envs: TopKVocabularyVector(envs, 4)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", VECTOR)
def test_a_wrapped_vector_environment_equals_a_vector_of_wrapped_ones(name, mode):
    single, vector = VECTOR[name]
    left = vector(gym.make_vec("tests/TinyStrict-v0", num_envs=5, autoreset_mode=mode))
    right = SyncVectorEnv([lambda: single(gym.make("tests/TinyStrict-v0"))] * 5, autoreset_mode=mode)
    assert left.single_action_space == right.single_action_space
    np.testing.assert_array_equal(left.reset(seed=11)[0], right.reset(seed=11)[0])
    rng = np.random.default_rng(0)
    for _ in range(50):
        actions = rng.integers(0, left.single_action_space.n, 5)
        one, two = left.step(actions), right.step(actions)
        for a, b in zip(one[:4], two[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        done = one[2] | one[3]
        np.testing.assert_array_equal(left.action_masks(), np.stack(right.call("action_masks")))
        if mode == "Disabled" and done.any():
            options = {"reset_mask": done}
            np.testing.assert_array_equal(left.reset(options=dict(options))[0], right.reset(options=dict(options))[0])


def test_samples_are_what_these_tests_believe():
    assert [len(sample.references) for sample in SAMPLES] == [2, 1, 3, 1, 0]


AROUND_VECTORS = {
    "repeat": lambda envs: RepeatPromptsVector(envs, 2),
    "time": lambda envs: TimePenaltyVector(envs, 0.1),
    "vocabulary": lambda envs: TopKVocabularyVector(envs, 4),
    "two, and one of Gymnasium's between": lambda envs: TimePenaltyVector(
        RecordEpisodeStatistics(RepeatPromptsVector(envs, 2)), 0.1
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", AROUND_VECTORS)
def test_a_snapshot_goes_on_through_vector_wrappers(name, mode):
    envs, other = (AROUND_VECTORS[name](gym.make_vec("tests/Tiny-v0", num_envs=4, autoreset_mode=mode)) for _ in "ab")
    envs.reset(seed=[3, 4] if isinstance(envs, RepeatPromptsVector) else None)
    rng = np.random.default_rng(0)
    played_lanes(envs, rng.integers(0, 4, (7, 4)))
    state = json.loads(json.dumps(envs.snapshot()))
    actions = rng.integers(0, 4, (30, 4))
    first = played_lanes(envs, actions)
    envs.restore(state)
    other.restore(state)
    assert played_lanes(envs, actions) == first == played_lanes(other, actions)
    assert envs.reset()[1]["index"].tolist() == other.reset()[1]["index"].tolist()


def played_lanes(envs, actions):
    told = []
    for row in actions:
        observations, rewards, terminated, truncated, _ = envs.step(row)
        over = terminated | truncated
        told.append((observations.tolist(), rewards.tolist(), over.tolist()))
        if envs.unwrapped.metadata["autoreset_mode"].value == "Disabled" and over.any():
            envs.reset(options={"reset_mask": over})
    return told


def test_vector_wrappers_that_write_token_ids_refuse_other_actions():
    envs = TopKVocabularyVector(gym.make_vec("tests/Tiny-v0", num_envs=2, autoreset_mode="SameStep"), 4)
    with pytest.raises(ConfigError, match=r"TopKVocabularyVector writes token ids.*Discrete\(4\).*put it inside"):
        TopKVocabularyVector(envs, 2)
    whole = WholeResponseVector(gym.make_vec("tests/Tiny-v0", num_envs=2, autoreset_mode="SameStep"))
    with pytest.raises(ConfigError, match="put it inside"):
        TopKVocabularyVector(whole, 2)


def test_all_lanes_are_reset_without_a_mask():
    envs = TimePenaltyVector(gym.make_vec("tests/Tiny-v0", num_envs=2), 0.1)
    envs.reset(seed=0, options={"reset_mask": None})
    assert envs.step(np.array([1, 1]))[1].tolist() == [-0.1, -0.1]


@pytest.mark.parametrize("around", [StartFromPrefix, BackwardCurriculum])
def test_one_prefix_is_enough(around):
    with pytest.raises(ConfigError, match=f"{around.__name__} goes around an environment that starts after a prefix"):
        around(TimePenalty(StartFromPrefix(make(task=Answered())), 0.1))


def test_a_response_after_a_prefix_ends_where_the_episode_does():
    env = WholeResponse(StartFromPrefix(make(task=Answered()), share=1.0))
    _, info = env.reset(seed=1)
    assert 0 < info["prefix_tokens"] < T
    *_, terminated, _, last = env.step(np.full(T, 2, dtype=np.int32))
    assert terminated
    assert last["length"] == T
    _, info = env.reset(seed=1)
    *_, last = env.step(env.encode(""))
    assert last["length"] == info["prefix_tokens"] + 1
    assert last["finish"] == "eos"


def test_an_episode_that_a_time_limit_cuts_off_is_no_success():
    env = BackwardCurriculum(TimeLimit(make(task=Answered()), 1), stride=0.5, window=1, succeeds_at=0.0)
    env.reset(seed=0, options={"index": 0})
    assert env.step(2)[2:4] == (False, True)
    assert env.share == (0.5, 0.5)
    assert env.success.mean == 0.0
