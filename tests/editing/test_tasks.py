"""The tasks of editing: what their samples are, and that what they promise holds."""

import json
import re
import tarfile
from csv import DictReader
from io import StringIO

import gymnasium as gym
import numpy as np
import pytest

from textgym import Sample, list_tasks, make_task
from textgym.cards import Card
from textgym.editing.env import EditEnv
from textgym.errors import ConfigError
from textgym.registration import rewards
from textgym.rewards.edit_similarity import distance
from textgym.rewards.positions import Positions

TASKS = ["post_editing", "grammar_correction", "compression"]
IDS = {"post_editing": "PostEdit", "grammar_correction": "GrammarCorrection", "compression": "Compression"}
SPLITS = ("train", "validation", "test")


def words(text):
    return re.findall(r"[\w:'.-]*\w", text.lower())


@pytest.mark.parametrize("name", TASKS)
def test_tasks_are_registered_with_an_environment_and_a_card(name):
    task = make_task(name)
    assert name in list_tasks()
    spec = gym.spec(f"textgym/{IDS[name]}-v0")
    assert spec.kwargs == {"task": name}
    assert (spec.entry_point, spec.vector_entry_point) == (
        "textgym.editing.env:EditEnv",
        "textgym.editing.vector:EditVectorEnv",
    )
    assert isinstance(task.card, Card)
    assert all(metric in rewards for metric in task.card.metrics)
    assert "prompt  " in type(task).__doc__


@pytest.mark.parametrize("name", TASKS)
def test_samples_are_functions_of_split_and_index(name):
    task, again = make_task(name), make_task(name, validation_size=40, test_size=40)
    assert [len(again.samples(split)) for split in SPLITS] == [100_000, 40, 40]
    for split in ("train", "validation"):
        samples = again.samples(split)
        assert samples[5] == samples[5] == samples[-len(samples) + 5] == samples[4:7][1]
    assert task.samples("train")[5] == again.samples("train")[5]
    assert {task.samples("train")[i].prompt for i in range(20)}.isdisjoint(
        again.samples("test")[i].prompt for i in range(20)
    )
    with pytest.raises(IndexError, match="There are 40 samples; there is no sample 40"):
        again.samples("test")[40]


@pytest.mark.parametrize("name", TASKS)
def test_no_prompt_is_in_two_splits(name):
    from zlib import crc32

    task = make_task(name, train_size=300, validation_size=50, test_size=50)
    buckets = {"validation": (0, 1), "test": (2, 3), "train": range(4, 100)}
    for split in SPLITS:
        samples = task.samples(split)
        for sample in (samples[i] for i in range(len(samples))):
            assert crc32(sample.prompt.encode()) % 100 in buckets[split]
            if name == "grammar_correction":
                assert crc32(sample.references[0].encode()) % 100 in buckets[split]


@pytest.mark.parametrize("name", TASKS)
def test_mistakes_are_told(name):
    with pytest.raises(ConfigError, match="train_size must be at least 1, got 0"):
        make_task(name, train_size=0)
    with pytest.raises(ConfigError, match=rf"The task '{name}' has no split 'trian'. Did you mean 'train'\?"):
        make_task(name).samples("trian")


def test_drafts_of_post_editing_are_wrong_but_near():
    samples = make_task("post_editing").samples("train")
    differences = []
    for sample in (samples[i] for i in range(200)):
        draft = sample.metadata["draft"]
        differences.append(min(distance(draft.split(), Positions(r.split())) for r in sample.references))
    assert np.mean(np.array(differences) > 0) > 0.95
    assert 1.5 < np.mean(differences) < 5


def test_prompts_of_grammar_correction_are_wrong_and_their_references_the_sentences_of_translation():
    samples, right = make_task("grammar_correction").samples("train"), make_task("translation").samples("train")
    for i in range(200):
        assert samples[i].references == (right[i].prompt,)
        assert samples[i].prompt != right[i].prompt


def test_compressed_sentences_are_extracts_of_at_most_three_quarters():
    samples = make_task("compression").samples("train")
    for sample in (samples[i] for i in range(500)):
        rest, short = iter(words(sample.prompt)), words(sample.references[0])
        assert all(word in rest for word in short)
        assert len(sample.references[0].split()) <= 0.75 * len(sample.prompt.split())


def test_what_is_said_or_known_is_no_ornament():
    samples = make_task("compression").samples("train")
    told = [
        sample
        for sample in (samples[i] for i in range(300))
        if re.search(r" (hopes?|says?|knows?) that ", sample.prompt)
    ]
    assert len(told) > 5
    assert all(" that " in sample.references[0] for sample in told)


@pytest.mark.parametrize("name", TASKS)
def test_samples_fit_the_default_lengths_and_the_oracle_gets_nearly_everything(name):
    env = gym.make(f"textgym/{IDS[name]}-v0", split="validation", validation_size=30).unwrapped
    assert sum(env.episodes.fits(i) for i in range(30)) == 30
    finals, initials = [], []
    for index in range(25):
        env.reset(options={"index": index})
        for action in env.demonstration():
            *_, info = env.step(action)
        finals.append(info["score"])
        initials.append(info["initial_score"])
    assert np.mean(finals) > 0.99
    assert np.mean(initials) < 0.8


def test_only_deletions_are_legal_in_compression():
    env = gym.make("textgym/Compression-v0", flat=True).unwrapped
    assert env.action_space.n == 1 + env.observation_space.max_draft_tokens
    env.reset(seed=0)
    assert env.action_masks().sum() == 1 + len(env._draft)


def test_a_system_s_output_is_edited_without_references(shared_data):
    with tarfile.open(shared_data / "mlqe_pe" / "en-de-dev.tar.gz") as archive:
        member = next(m for m in archive if m.name.endswith(".df.short.tsv"))
        text = archive.extractfile(member).read().decode()
    rows = list(DictReader(StringIO(text), delimiter="\t", quoting=3))
    assert len(rows) == 1000
    data = [Sample(row["original"], (), {"draft": row["translation"]}) for row in rows]
    env = gym.make(
        "textgym/PostEdit-v0", data=data, reward="length", tokenizer="byte", max_prompt_tokens=400,
        max_draft_tokens=500, overlong="drop",
    )  # fmt: skip
    _, info = env.reset(seed=0)
    assert info["draft"] == rows[info["index"]]["translation"]
    env.step(np.array([3, 0, 0]))
    outcome = env.step(np.array([0, 0, 0]))[4]
    assert outcome["response"].encode() == info["draft"].encode()[1:]


def test_own_data_is_compressed(shared_data):
    lines = (shared_data / "scitldr" / "test.jsonl").read_text().splitlines()[:40]
    papers = [json.loads(line) for line in lines]
    data = [Sample(" ".join(paper["source"][:3]), paper["target"]) for paper in papers]
    env = EditEnv(
        "compression", data=data, tokenizer="byte", max_prompt_tokens=2000, max_draft_tokens=2000, max_edits=2000
    )
    gains = []
    for index in range(3):
        _, info = env.reset(options={"index": index})
        assert info["draft"] == data[index].prompt
        for action in env.demonstration():
            *_, info = env.step(action)
        gains.append(info["score"] - info["initial_score"])
    assert min(gains) > 0, "the longest common subsequence is a better summary than the text itself"
