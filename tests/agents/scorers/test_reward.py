"""The reward ``scorer``: what it makes of a trained folder, and words for one that is broken or changed."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from agents.scorers import train_scorer
from agents.scorers.examples import read_examples
from tests.agents.scorers.judged import NOUNS, config, write
from textgym import Sample, make_reward
from textgym.errors import ConfigError, DataError, ModelError
from textgym.rewards.neural.network import _loaded


@pytest.mark.parametrize("target", ["regression", "classification", "pairwise"])
def test_the_reward_gives_what_the_head_says(data, encoder, tmp_path, target):
    trained = train_scorer(config(data, encoder, tmp_path, target))
    reward = make_reward({"name": "scorer", "model": str(trained.folder)})
    texts = ["the stock fell fast", "a cat sat .", "the prices fell .", " "]
    scores = reward(texts, [Sample("p", ("a",))] * len(texts))
    assert scores[0] > scores[1]
    assert scores[2] > scores[1]
    assert scores[3] == reward.bounds[0]
    assert reward.bounds == ((0.0, 1.5) if target == "regression" else (0.0, 1.0))
    numbers = reward.network.numbers(texts[:3], None)
    if target == "regression":
        expected = np.clip(numbers[:, 0], 0, 1.5)
    elif target == "pairwise":
        expected = 1 / (1 + np.exp(-numbers[:, 0]))
    else:  # labels in the order of the alphabet, the last one by default
        expected = np.exp(numbers[:, 1]) / np.exp(numbers).sum(1)
        other = make_reward({"name": "scorer", "model": str(trained.folder), "label": "animals"})
        np.testing.assert_allclose(other(texts[:3], [Sample("p")] * 3), 1 - expected, atol=1e-9)
    np.testing.assert_allclose(scores[:3], expected, atol=1e-9)
    assert f"target:{target}" in reward.signature
    assert "model:scorer@" in reward.signature
    assert str(tmp_path) not in reward.signature


def test_a_changed_encoder_is_refused(data, encoder, tmp_path):
    mine = shutil.copytree(encoder, tmp_path / "mine")
    trained = train_scorer(config(data, str(mine), tmp_path))
    (mine / "config.json").write_text((mine / "config.json").read_text() + " ")
    with pytest.raises(ModelError, match="train it anew"):
        make_reward({"name": "scorer", "model": str(trained.folder)})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "scorer.json").unlink(), "has no scorer.json"),
        (lambda folder: (folder / "scorer.json").write_text("{"), "cannot be read: JSONDecodeError"),
        (lambda folder: (folder / "head.safetensors").unlink(), "cannot be read: FileNotFoundError"),
        (lambda folder: (folder / "head.safetensors").write_bytes(b"12"), "cannot be read: SafetensorError"),
        (lambda folder: change(folder, format=99), "update textgym"),
        (lambda folder: change(folder, target="fun"), "lacks a part"),
        (lambda folder: change(folder, target="classification", labels=["a", "b"]), "do not belong together"),
        (lambda folder: change(folder, range=None), "cannot be read: TypeError"),
        (lambda folder: change(folder, encoder={"model": "minilm"}), "cannot be read: KeyError"),
        (lambda folder: change(folder, encoder="minilm"), "cannot be read: TypeError"),
        (lambda folder: change(folder, reads="prompt"), "do not belong together"),
        (lambda folder: change(folder, pooling="max"), "do not belong together"),
    ],
)
def test_a_broken_scorer_is_told(data, encoder, tmp_path, spoil, words):
    folder = train_scorer(config(data, encoder, tmp_path)).folder
    spoil(folder)
    with pytest.raises(ModelError, match=words):
        make_reward({"name": "scorer", "model": str(folder)})


def change(folder, **values):
    told = json.loads((folder / "scorer.json").read_text())
    (folder / "scorer.json").write_text(json.dumps(told | values))


def test_references_are_read_one_by_one_and_the_best_counts(data, encoder, tmp_path):
    rows = [json.loads(line) for line in Path(data["regression"]).read_text().splitlines()]
    rows = [row | {"reference": f"a cat {i}"} for i, row in enumerate(rows)]
    one = {"regression": write(tmp_path / "one.jsonl", rows)}
    made = config(one, encoder, tmp_path, reads="references", other="reference")
    splits, _ = read_examples(made)
    assert all(text.startswith("a cat ") for text in splits["train"].others)
    reward = make_reward({"name": "scorer", "model": str(train_scorer(made).folder)})
    assert reward.needs_references
    pair = [Sample("p", ("a cat", "the stock fell"))] + [Sample("p", (text,)) for text in ("a cat", "the stock fell")]
    scores = reward(["the dog ran"] * 3, pair)
    assert scores[0] == pytest.approx(max(scores[1:]), abs=1e-6)
    many = [row | {"reference": ["a", "b"]} for row in rows]
    several = {"regression": write(tmp_path / "many.jsonl", many)}
    with pytest.raises(DataError, match="'reference' holds 2 texts: give each a row of its own"):
        train_scorer(config(several, encoder, tmp_path, reads="references", other="reference"))


def test_a_pickled_reward_refuses_what_was_written_since(data, encoder, tmp_path):
    folder = train_scorer(config(data, encoder, tmp_path)).folder
    reward = make_reward({"name": "scorer", "model": str(folder)})
    first = reward(["the stock fell"], [Sample("p")])
    pickled = pickle.dumps(reward)
    train_scorer(config(data, encoder, tmp_path, head="mlp", hidden=4))
    np.testing.assert_array_equal(reward(["the stock fell"], [Sample("p")]), first)  # what it was made with
    assert make_reward({"name": "scorer", "model": str(folder)}).signature != reward.signature
    _loaded.cache_clear()  # as in another process
    with pytest.raises(ModelError, match="written anew since"):
        pickle.loads(pickled)(["the stock fell"], [Sample("p")])


def test_an_encoder_is_found_from_elsewhere_and_missed_by_name(data, encoder, tmp_path, monkeypatch):
    shutil.copytree(encoder, tmp_path / "here" / "enc")
    monkeypatch.chdir(tmp_path / "here")
    folder = train_scorer(config(data, "enc", tmp_path)).folder
    monkeypatch.chdir(tmp_path)
    assert make_reward({"name": "scorer", "model": str(folder)}).name == "scorer"
    shutil.rmtree(tmp_path / "here" / "enc")
    with pytest.raises(ModelError, match=r"scorer in .* needs the encoder .*enc', with which it was trained"):
        make_reward({"name": "scorer", "model": str(folder)})


def test_a_lost_encoder_of_its_own_is_told(data, encoder, tmp_path):
    trained = train_scorer(config(data, encoder, tmp_path, fine_tune=True, epochs=1))
    assert trained.epoch in (0, 1)
    assert json.loads((trained.folder / "scorer.json").read_text())["epoch"] == trained.epoch
    shutil.rmtree(trained.folder / "encoder")
    with pytest.raises(ModelError, match="lacks its folder 'encoder'"):
        make_reward({"name": "scorer", "model": str(trained.folder)})


def test_labels_are_named_by_text_or_number_and_equal_scores_are_refused(encoder, tmp_path):
    rows = [{"response": f"the {NOUNS[i % 5]} {i}", "score": i % 2} for i in range(400)]
    data = {"classification": write(tmp_path / "numbers.jsonl", rows)}
    folder = train_scorer(config(data, encoder, tmp_path, "classification")).folder
    one, other = (make_reward({"name": "scorer", "model": str(folder), "label": label}) for label in (1, "1"))
    np.testing.assert_array_equal(one(["the cat"], [Sample("p")]), other(["the cat"], [Sample("p")]))
    with pytest.raises(ConfigError, match="no label '7'"):
        make_reward({"name": "scorer", "model": str(folder), "label": 7})
    alike = {"regression": write(tmp_path / "alike.jsonl", [row | {"score": 0.5} for row in rows])}
    with pytest.raises(DataError, match="same 'score'"):
        train_scorer(config(alike, encoder, tmp_path))
