"""The dialogue task: windows of real conversations, split by conversation."""

import json
import random
from pathlib import Path
from zlib import crc32

import gymnasium as gym
import pytest

from textgym import make_task
from textgym.data import chitchat
from textgym.errors import ConfigError, MissingExtraError
from textgym.tasks.dialogue import Dialogue

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def task():
    pytest.importorskip("chitchat_dataset", reason='the conversations need pip install "textgym[data]"')
    return Dialogue()


@pytest.fixture(scope="module")
def conversations(task):
    import chitchat_dataset

    return json.loads(Path(chitchat_dataset.__file__).with_name("dataset.json").read_text(encoding="utf-8"))


def test_prompts_and_references_are_consecutive_turns_of_the_data_with_alternating_marks(task, conversations):
    rng = random.Random(0)
    for split in SPLITS:
        for sample in rng.sample(task.samples(split), 300):
            turns = conversations[sample.metadata["conversation"]]["messages"]
            texts = [" ".join(" ".join(m["text"] for m in turn).split()) for turn in turns]
            i = sample.metadata["turn"]
            assert sample.references == (texts[i],)
            lines = sample.prompt.split("\n")
            assert lines.pop() == "B:"
            assert [line[3:] for line in lines] == texts[max(0, i - 3) : i]
            assert [line[:3] for line in lines] == ["A: ", "B: ", "A: "][-len(lines) :]  # the agent is always B


def test_no_conversation_and_no_prompt_is_in_two_splits(task):
    for what in (lambda s: s.metadata["conversation"], lambda s: s.prompt):
        train, validation, test = ({what(s) for s in task.samples(split)} for split in SPLITS)
        assert not train & validation
        assert not train & test
        assert not validation & test


def test_conversations_are_split_90_5_5_by_the_hash_of_their_id(task):
    names = {split: {s.metadata["conversation"] for s in task.samples(split)} for split in SPLITS}
    assert {crc32(n.encode()) % 20 for n in names["train"]} == set(range(18))
    assert {crc32(n.encode()) % 20 for n in names["validation"]} == {18}
    assert {crc32(n.encode()) % 20 for n in names["test"]} == {19}


def test_sizes_are_those_of_the_docstring(task):
    sizes = " / ".join(f"{len(task.samples(split)):,}" for split in SPLITS)
    assert sizes in (Dialogue.__doc__ or "")


def test_rows_are_clean(task):
    for split in SPLITS:
        for sample in task.samples(split):
            text = sample.references[0]
            assert 0 < len(text) <= 1000
            assert text == " ".join(text.split())


def test_samples_are_loaded_once_and_lengths_of_windows_follow_turns(task):
    assert Dialogue().samples("test") is task.samples("test")
    assert max(s.prompt.count("\n") for s in task.samples("test")) == 3
    short = make_task("dialogue", turns=1).samples("test")
    assert {s.prompt.count("\n") for s in short} == {1}


def test_most_samples_fit_the_default_lengths(task):
    tokenizer = task.tokenizer()
    samples = task.samples("validation")[:1000]
    assert sum(len(tokenizer.encode_prompt(s.prompt)) <= task.max_prompt_tokens for s in samples) > 800
    assert sum(len(tokenizer.encode(s.references[0])) < task.max_new_tokens for s in samples) > 800


def test_mistakes_are_told(task):
    with pytest.raises(ConfigError, match="turns must be at least 1, got 0"):
        Dialogue(turns=0)
    with pytest.raises(ConfigError, match=r"'dialogue' has no split 'tests'. Did you mean 'test'"):
        task.samples("tests")


def test_missing_package_is_told_with_the_pip_line(monkeypatch):
    monkeypatch.setattr(chitchat, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"'dialogue' needs the package chitchat-dataset.*textgym\[data\]"):
        chitchat.conversations("The task 'dialogue'")


def test_environment_is_registered():
    assert gym.spec("textgym/Dialogue-v0").kwargs["task"] == "dialogue"
