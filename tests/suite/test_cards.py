"""What cards and docstrings say holds: metrics exist and judge, examples give what they show."""

import doctest
import importlib
import pkgutil

import gymnasium as gym
import numpy as np
import pytest

import textgym
from tests.suite.ids import every_id, small
from textgym import make_reward
from textgym.cards import Card
from textgym.registration import tasks

OURS = [id for id in every_id() if id.startswith("textgym/")]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(textgym.__path__, "textgym.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("id", OURS)
def test_every_environment_has_a_card_whose_metrics_judge_its_first_sample(id):
    task = gym.make(id, **small(id)).unwrapped.episodes.task
    card = tasks[gym.spec(id).kwargs["task"]].card
    assert isinstance(card, Card)
    assert len(card.source) > 10
    assert card.licence
    assert card.metrics
    sample = task.samples(task.splits[0])[0]
    answer = sample.references[0] if sample.references else "an answer"
    for name in card.metrics:
        if name == "outcome":  # judges a whole dialogue
            continue
        reward = make_reward(name)
        if reward.needs_references and not sample.references:
            continue
        (score,) = reward([answer], [sample])
        assert np.isfinite(score)
        assert reward.bounds[0] <= score <= reward.bounds[1]
    for result in card.published:
        assert np.isfinite(result.value)
        assert result.system
        assert len(result.where) > 5


@pytest.mark.parametrize("id", OURS)
def test_the_example_of_a_card_is_what_an_episode_shows(id):
    env = gym.make(id, **small(id)).unwrapped
    task = env.episodes.task
    for index in range(3):
        sample = env.episodes.samples[index]
        assert sample == task.samples(env.episodes.split)[index]
        _, info = env.reset(options={"index": index}, seed=0)
        assert info["index"] == index
        if not hasattr(env.episodes, "answers"):  # a simulated user speaks for himself
            assert (info["prompt"], info["references"]) == (sample.prompt, list(sample.references))


def test_every_example_in_a_docstring_gives_what_it_shows():
    failed, tried = [], 0
    for name in MODULES:
        for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name)):
            tried += len(example.examples)
            runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
            runner.run(example, out=failed.append)
    assert failed == []
    assert tried >= 10
