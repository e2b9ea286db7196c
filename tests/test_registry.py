"""Names: what is registered is found, what is not gets the nearest name, other packages announce theirs."""

import re
from importlib.metadata import EntryPoint

import gymnasium as gym
import numpy as np
import pytest

import textgym
from tests.tiny import Overlap, Tiny
from textgym import Reward, Sample, Task, make_reward, make_task, register_env, register_reward, register_task
from textgym import registry as registry_module
from textgym.errors import ConfigError
from textgym.registration import rewards, tasks
from textgym.registry import Registry


def test_what_is_registered_is_found_under_its_name_and_listed():
    assert tasks["tiny"] is Tiny
    assert rewards["tiny-overlap"] is Overlap
    assert {"tiny"} <= set(textgym.list_tasks())
    assert {"bleu", "rougeL", "chrf", "tiny-overlap", "tiny-length"} <= set(textgym.list_rewards())
    assert textgym.list_rewards() == sorted(textgym.list_rewards())
    assert Tiny.name == "tiny"
    assert Overlap.name == "tiny-overlap"


def test_make_task_forwards_options():
    task = make_task("tiny", copies=2)
    assert len(task.samples("train")) == 10
    assert make_task(task) is task


def _no_task():
    register_task("no-task")(lambda: 3)
    return "no-task"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_task("tiyn"), "Unknown task 'tiyn'. Did you mean 'tiny'?"),
        (lambda: make_task("tiny", copis=2), "The task 'tiny' has no option 'copis'. Did you mean 'copies'?"),
        (lambda: make_task(Tiny(), copies=2), "The task 'tiny' is already built: give copies to its constructor."),
        (lambda: make_task(_no_task()), "What is registered as the task 'no-task' must return a Task, got 3."),
        (lambda: make_task(Tiny), "A task is a registered name or a Task object, got <class"),
        (lambda: make_reward("bleuu"), "Did you mean 'bleu'?"),
        (lambda: make_reward("ROUGEL"), "Did you mean 'rougeL'?"),
        (lambda: make_task("translation", train_size="5"), "train_size must be a whole number, got '5' (str)."),
        (lambda: make_task("dialogue", turns=2.5), "turns must be a whole number, got 2.5 (float)."),
        (lambda: register_task(Tiny), "A task needs a name: write @register_task('name'), got <class"),
        (lambda: register_reward(Overlap), "A reward needs a name: write @register_reward('name'), got <class"),
    ],
)
def test_unknown_names_and_options_are_refused(call, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("arguments", [(3,), ("a", None), ("a", 5), ("a", ["b", 5]), (None, "b")])
def test_a_sample_holds_text_and_nothing_else(arguments):
    with pytest.raises(TypeError, match=r"A sample's (prompt and )?references must be str"):
        Sample(*arguments)


def test_a_function_that_takes_any_option_gets_it():
    given = {}

    @register_task("tests-any")
    def build(**options):
        given.update(options)
        return Tiny()

    make_task("tests-any", whatever=1)
    assert given == {"whatever": 1}


def test_a_registered_function_is_a_reward_and_stays_a_function():
    @register_reward("tests-vowels")
    def vowels(response, sample):
        return sum(c in "aeiou" for c in response) / max(len(response), 1)

    assert vowels("aab", Sample("")) == 2 / 3
    reward = make_reward("tests-vowels")
    assert isinstance(reward, Reward)
    assert reward.name == "tests-vowels"
    np.testing.assert_allclose(reward(["aab", ""], [Sample(""), Sample("")]), [2 / 3, 0])


def test_a_reward_class_that_says_its_own_name_keeps_it():
    @register_reward("tests-named")
    class Named(Reward):
        name = "own"

        def __call__(self, responses, samples):
            return np.zeros(len(responses))

    assert make_reward("tests-named").name == "own"


def test_a_name_can_be_taken_once_and_defined_again_by_the_same_code():
    def define():
        @register_task("tests-once")
        class Once(Task):
            def samples(self, split):
                return []

        return Once

    define()
    latest = define()  # as a notebook cell that is run twice
    assert tasks["tests-once"] is latest
    with pytest.raises(ConfigError, match=r"The task 'tests-once' is already registered by .*choose another name"):
        register_task("tests-once")(Tiny)


def test_registering_an_environment_again_is_silent_and_replacing_it_is_not():
    register_env("tests/Again-v0", task="tiny", split="test")
    register_env("tests/Again-v0", task="tiny", split="test")
    with pytest.warns(UserWarning, match=r"Overriding environment tests/Again-v0"):
        register_env("tests/Again-v0", task="tiny", split="train")
    del gym.registry["tests/Again-v0"]


def test_an_environment_id_needs_no_namespace_and_no_version():
    register_env("TestsPlain", task="tiny", split="test")
    assert gym.make("TestsPlain").unwrapped.num_samples == 2
    assert gym.make_vec("TestsPlain", num_envs=2).unwrapped.num_samples == 2
    del gym.registry["TestsPlain"]


def test_a_task_object_can_stand_behind_an_id():
    task = Tiny(copies=2)
    register_env("TestsObject-v0", task=task)
    assert gym.make("TestsObject-v0").unwrapped.episodes.task is task
    del gym.registry["TestsObject-v0"]


@pytest.fixture
def announced(monkeypatch):
    """Two entry points of another package: one that works, one whose module does not exist."""
    points = [
        EntryPoint("far", "collections:OrderedDict", "tests.things"),
        EntryPoint("lost", "no_such_module:Thing", "tests.things"),
    ]

    def entry_points(group, **select):
        return [p for p in points if group == p.group and select.get("name", p.name) == p.name]

    monkeypatch.setattr(registry_module, "entry_points", entry_points)
    return Registry("thing", "tests.things")


def test_names_of_other_packages_are_listed_unloaded_and_loaded_when_asked_for(announced):
    assert announced.names() == ["far", "lost"]
    assert "lost" in announced
    assert announced["far"].__name__ == "OrderedDict"


def test_a_package_that_fails_to_import_is_named(announced):
    with pytest.raises(ConfigError, match=r"'lost' comes from 'no_such_module:Thing'.*fails to import: Module"):
        announced["lost"]


def test_an_empty_registry_says_so():
    with pytest.raises(ConfigError, match=r"Unknown thing 'x'. None is known"):
        Registry("thing", "tests.nothing")["x"]


def test_registering_wins_over_what_another_package_announces(announced):
    announced.register("far")(list)
    assert announced["far"] is list
