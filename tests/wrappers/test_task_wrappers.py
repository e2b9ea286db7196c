"""Wrappers around tasks: mixtures, goals, levels."""

import gymnasium as gym
import numpy as np
import pytest

from tests.tiny import EOS, SAMPLES, Tiny
from textgym import Sample, Task, make_reward
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError, DataError
from textgym.tokenizers import CharTokenizer
from textgym.vector import TextGenerationVectorEnv
from textgym.wrappers import DifficultyCurriculum, GoalConditioned, Levels, Mixture

LETTERS = CharTokenizer("abcdefgh ")


class Named(Task):
    """Some samples under a name."""

    splits = ("train", "test")

    def __init__(self, name, count=7, reward="exact_match", tokens=8):
        self.name, self.count, self.reward = name, count, reward
        self.max_prompt_tokens = self.max_new_tokens = tokens

    def samples(self, split):
        return [Sample(f"{self.name} {split} {i}", (f"{i}",)) for i in range(self.count)]

    def tokenizer(self):
        return LETTERS


def test_every_task_comes_as_often_as_its_weight_says():
    mixture = Mixture([(Named("a", 3), 1), (Named("b", 500), 2), (Named("c", 9), 7)])
    samples = mixture.samples("train")
    names = [samples[i].metadata["task"] for i in range(len(samples))]
    for start in range(0, len(samples), 1000):
        cycle = names[start : start + 1000]
        assert [cycle.count(name) for name in "abc"] == [100, 200, 700]
    assert [names[:10].count(name) for name in "abc"] == [1, 2, 7]
    seen = {samples[i].prompt for i in range(len(samples))}
    assert len(seen) == 3 + 500 + 9
    assert samples[-1] == samples[len(samples) - 1]
    with pytest.raises(IndexError, match="no sample"):
        samples[len(samples)]


def test_draws_follow_the_weights():
    env = TextGenerationEnv(Mixture([(Named("a"), 1), (Named("b"), 3)]), tokenizer="byte", max_prompt_tokens=20)
    env.reset(seed=0)
    drawn = [env.reset()[1]["prompt"][0] for _ in range(2000)]
    assert drawn.count("a") / 2000 == pytest.approx(0.25, abs=0.03)


def test_each_response_is_judged_by_the_reward_of_its_task():
    mixture = Mixture([(Named("a", reward="exact_match"), 1), (Named("b", reward="-length"), 1)])
    assert mixture.reward.bounds[1] == 1.0
    samples = [mixture.samples("train")[i] for i in range(4)]
    responses = ["0", "abc", "x", "ab cd"]
    expected = [
        make_reward(mixture.tasks[s.metadata["task"]].reward)([r], [s])[0]
        for r, s in zip(responses, samples, strict=True)
    ]
    assert mixture.reward(responses, samples).tolist() == expected
    assert "exact_match" in mixture.reward.signature
    assert "length" in mixture.reward.signature
    with pytest.raises(DataError, match="must be one of a, b"):
        mixture.reward(["x"], [Sample("p", ("r",))])


def test_a_mixture_has_the_greatest_lengths_and_the_splits_of_all():
    mixture = Mixture([(Named("a", tokens=4), 1), (Named("b", tokens=9), 1)])
    assert (mixture.max_prompt_tokens, mixture.max_new_tokens) == (9, 9)
    assert mixture.splits == ("train", "test")


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "one task or more"),
        ([(Named("a"), 1), (Named("a"), 1)], "different names"),
        ([(Named("a"), 0.0)], "above 0"),
        ([(Named("a"), float("nan"))], "above 0"),
        ([(Named("a"), 1), (Named("b"), 2000)], "at least a thousandth"),
        ("tiny", r"weights by task.*got 'tiny'"),
        (["tiny", "translation"], "weights by task"),
        (3, "weights by task"),
        ({"tiny": "much"}, "A weight must be a number"),
        ({"tinny": 1}, "Did you mean 'tiny'"),
    ],
)
def test_mixtures_that_cannot_be(tasks, message):
    with pytest.raises(ConfigError, match=message):
        Mixture(tasks)


def goals(weight=0.5):
    return GoalConditioned(Tiny(), {"short": "max(0, 1 - 0.2 * length)", "wide": "distinct(n=1)"}, weight=weight)


def test_each_sample_is_asked_with_each_goal():
    samples = goals().samples("train")
    assert len(samples) == 2 * len(SAMPLES)
    assert [samples[i].prompt for i in range(3)] == ["short\nabc", "wide\nabc", "short\nh"]
    assert samples[1].metadata["goal"] == "wide"


def test_the_reward_weighs_the_goal_in():
    task = goals(0.25)
    samples = [task.samples("train")[i] for i in range(4)]
    responses = ["abc", "aa", "h", ""]
    own = make_reward("tiny-overlap")(responses, samples)
    short, wide = make_reward("max(0, 1 - 0.2 * length)"), make_reward("distinct(n=1)")
    reached = [f([r], [s])[0] for f, r, s in zip([short, wide, short, wide], responses, samples, strict=True)]
    np.testing.assert_allclose(task.reward(responses, samples), 0.25 * np.array(reached) + 0.75 * own, atol=1e-15)
    assert "tiny-overlap" in task.reward.signature


def test_a_failure_can_be_relabelled():
    task = goals()
    sample = task.samples("train")[0]
    assert task.relabelled(sample, "wide") == task.samples("train")[1]
    with pytest.raises(ConfigError, match="one of"):
        task.relabelled(sample, "long")


@pytest.mark.parametrize("goals", [{}, ["short"], {"": "length"}])
def test_goals_must_be_named(goals):
    with pytest.raises(ConfigError, match="goals must be a dict"):
        GoalConditioned(Tiny(), goals)


def test_goals_and_mixtures_play_in_the_native_vector_environment():
    for task in (goals(), Mixture([(goals(), 1), (Tiny(), 1)])):
        envs = TextGenerationVectorEnv(task, num_envs=4, tokenizer="byte", max_prompt_tokens=24)
        envs.reset(seed=0)
        prompts = envs.begin(4)
        assert prompts.ids.shape == (4, 24)
        responses = np.full((4, envs.episodes.space.max_new_tokens), -1)
        responses[:, 0] = envs.episodes.eos
        assert np.isfinite(envs.score(responses, np.ones(4, int)).rewards).all()


def levels():
    return Levels([Named("a", 3), Named("b", 4), Named("c", 5)])


def test_levels_come_one_after_the_other():
    samples = levels().samples("train")
    assert [samples[i].prompt[0] for i in range(12)] == list("aaabbbbccccc")
    assert [samples.level(i) for i in range(12)] == [0] * 3 + [1] * 4 + [2] * 5


def test_the_next_level_is_played_when_this_one_succeeds():
    task = Levels([Named("a", 1), Named("b", 1), Named("c", 1)])
    inner = TextGenerationEnv(task, tokenizer="byte", max_prompt_tokens=20)
    env = DifficultyCurriculum(inner, threshold=0.5, window=2, review=0.0)
    eos, zero = inner.episodes.eos, inner.episodes.tokenizer.encode("0")[0]
    played = []
    for succeeds in (True, False, True, True, False, False, False, True, True, True):
        played.append(env.reset()[1]["level"])
        if succeeds:
            env.step(zero)
        env.step(eos)
    assert played == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2]


def test_levels_before_are_reviewed():
    env = DifficultyCurriculum(TextGenerationEnv(levels(), tokenizer="byte", max_prompt_tokens=20), review=0.5)
    env.level = 2
    played = [env.reset(seed=0 if i == 0 else None)[1]["level"] for i in range(400)]
    assert played.count(2) == pytest.approx(200, abs=40)
    assert played.count(0) == pytest.approx(100, abs=40)
    again = [env.reset(seed=0 if i == 0 else None)[1]["level"] for i in range(20)]
    assert again == played[:20]


def test_the_curriculum_is_for_levels():
    with pytest.raises(ConfigError, match="plays Levels, got the task 'tiny'"):
        DifficultyCurriculum(gym.make("tests/Tiny-v0"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny",), "one difficulty or more"),
        ((3,), "or of a list of tasks, got 3"),
        ((["sort_letters"],), "or of a list of tasks"),
        (("sort_letters", 3), "difficulties must be a list of whole numbers, got 3"),
    ],
)
def test_levels_that_cannot_be(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Levels(*arguments)


def test_an_episode_of_a_given_sample_counts_for_its_level():
    env = DifficultyCurriculum(TextGenerationEnv(levels(), tokenizer="byte", max_prompt_tokens=20), window=1)
    for index, level in ((11, 0), (0, 0)):
        env.reset(options={"index": index})
        env.step(EOS % 256)
        assert env.level == level


@pytest.mark.parametrize(
    "task", [Mixture([(Named("a"), 1), (Named("b"), 3)]), goals(), levels()], ids=["mixture", "goals", "levels"]
)
def test_samples_are_indexed_and_sliced_as_a_list(task):
    samples = task.samples("train")
    listed = list(samples)
    assert len(listed) == len(samples)
    assert samples[-1] == listed[-1]
    assert samples[2:9:3] == listed[2:9:3]
    assert samples[::-1] == listed[::-1]
    with pytest.raises(IndexError, match=f"There are {len(samples)} samples; there is no sample {len(samples)}"):
        samples[len(samples)]
