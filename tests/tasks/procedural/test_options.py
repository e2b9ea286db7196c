"""What the options of the procedural tasks do, and which are refused."""

import numpy as np
import pytest

import textgym
from tests.tasks.procedural.catalogue import HARDEST, IDS, every_task, made, make, some_difficulties
from textgym.errors import ConfigError


def mean_tokens(task):
    tokenizer = task.tokenizer()
    samples = task.samples("train")[:200]
    return np.mean([len(tokenizer.encode(sample.prompt + " " + sample.references[0])) for sample in samples])


@every_task
def test_a_greater_difficulty_is_longer(name):
    tasks = [made(name, difficulty) for difficulty in some_difficulties(name)]
    lengths = [task.max_prompt_tokens + task.max_new_tokens for task in tasks]
    assert lengths == sorted(set(lengths))
    means = list(map(mean_tokens, tasks))
    assert means == sorted(means)
    assert means[-1] > 1.2 * means[0]


@every_task
def test_a_difficulty_out_of_range_is_refused(name):
    hardest = HARDEST.get(name)
    must = "be at least 1" if hardest is None else rf"lie in \[1, {hardest}\]"
    for difficulty in (0, -3) if hardest is None else (0, hardest + 1):
        with pytest.raises(ConfigError, match=f"The difficulty of the task '{name}' must {must}, got {difficulty}"):
            made(name, difficulty)
    if hardest is not None:
        assert made(name, hardest).samples("test")[0].references


@pytest.mark.parametrize("value", [1.5, "2", True, None])
def test_a_difficulty_that_is_no_whole_number_is_refused(value):
    with pytest.raises(ConfigError, match="difficulty must be a whole number"):
        made("copy_letters", value)


@pytest.mark.parametrize("option", ["train_size", "validation_size", "test_size"])
def test_sizes_below_one_are_refused(option):
    with pytest.raises(ConfigError, match=f"{option} must be at least 1, got 0"):
        made("arithmetic", **{option: 0})


@pytest.mark.parametrize("name", ["arithmetic", "translation", "compression"])
def test_a_split_cannot_be_longer_than_a_sequence(name):
    with pytest.raises(ConfigError, match="train_size must be at most 9223372036854775807, got 1000000000000000000000"):
        textgym.make_task(name, train_size=10**30)


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="seed must be at least 0, got -1"):
        made("brackets", seed=-1)


@every_task
def test_a_misspelt_option_is_refused_with_the_nearest(name):
    with pytest.raises(ConfigError, match=f"The task '{name}' has no option 'dificulty'. Did you mean 'difficulty'"):
        made(name) and textgym.make_task(name, dificulty=2)


@every_task
def test_the_environment_passes_options_on(name):
    env = make(name, difficulty=2, seed=5, split="test", test_size=7)
    assert env.unwrapped.num_samples == 7
    assert env.reset(options={"index": 6})[1]["prompt"] == made(name, 2, seed=5).samples("test")[6].prompt


def test_every_file_of_a_task_has_less_than_60_lines():
    from importlib import resources

    folder = resources.files("textgym.tasks.procedural")
    texts = [file.read_text() for file in folder.iterdir() if file.name.endswith(".py")]
    lines = [text.count("\n") for text in texts if "@register_task" in text]
    assert len(lines) == len(IDS)
    assert max(lines) < 60
