"""Judged texts: which rows stay together, and words for bad ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from agents.scorers import ScorerConfig, train_scorer
from agents.scorers.examples import read_examples
from tests.agents.scorers.judged import config, write
from textgym.errors import DataError


def test_rows_about_the_same_text_stay_in_one_split(data, encoder, tmp_path):
    splits, _ = read_examples(config(data, encoder, tmp_path))
    seen = [set(split.responses) for split in splits.values()]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])
    assert sum(map(len, splits.values())) == 400


def test_pairs_that_share_a_response_stay_in_one_split(encoder, tmp_path):
    rng = np.random.default_rng(0)
    rows = [{"response": f"c{i}", "rejected": f"c{i + 1}" if rng.random() < 0.7 else f"r{i}"} for i in range(600)]
    rows = [row | {"prompt": "p"} for row in rows]
    data = {"pairwise": write(tmp_path / "chains.jsonl", rows)}
    splits, _ = read_examples(config(data, encoder, tmp_path, "pairwise"))
    seen = [{*split.responses, *split.rejected} for split in splits.values()]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])
    assert sum(map(len, splits.values())) == 600
    assert len(set(splits["train"].subjects)) > 50


def test_a_label_that_only_one_split_has_is_a_label(encoder, tmp_path):
    rows = [{"response": f"the cat {i}", "score": ("a", "b")[i % 2]} for i in range(800)]
    rows += [{"response": "a rare one", "score": "rare"}]
    for seed in range(3):
        made = config(
            {"classification": write(tmp_path / "rare.jsonl", rows)}, encoder, tmp_path, "classification", seed=seed
        )
        assert read_examples(made)[1] == ["a", "b", "rare"]


def test_splits_that_are_there_are_used(data, encoder, tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    rows = (tmp_path / "regression.jsonl").read_text().splitlines(keepends=True)
    parts = {"train": rows[:300], "validation": rows[300:350], "test": rows[350:]}
    for name, part in parts.items():
        (folder / f"{name}.jsonl").write_text("".join(part))
    splits, _ = read_examples(ScorerConfig(str(folder), "out", encoder=encoder))
    assert {name: len(split) for name, split in splits.items()} == {name: len(part) for name, part in parts.items()}


@pytest.mark.parametrize(
    ("target", "row", "words"),
    [
        ("regression", {"score": None}, "row 3: 'score' must be a finite number of at most 1e\\+30, got None"),
        ("regression", {"score": "high"}, "row 3: 'score' must be a finite number of at most 1e\\+30, got 'high'"),
        ("regression", {"score": 1e200}, "row 3: 'score' must be a finite number of at most 1e"),
        ("regression", {"response": ["one", "two"]}, "row 3: 'response' holds 2 texts"),
        ("classification", {"score": " "}, "row 3: 'score' must be a label"),
        ("classification", {"score": ["money"]}, "row 3: 'score' must be a label"),
        ("classification", {"score": 3}, "text in some rows and numbers in others"),
        ("pairwise", {"rejected": 3}, "row 3: 'rejected' must be text"),
        ("regression", {"response": ""}, r"bad.jsonl:4: the prompt \('response'\) is blank"),
    ],
)
def test_a_bad_row_is_told(data, encoder, tmp_path, target, row, words):
    rows = [json.loads(line) for line in Path(data[target]).read_text().splitlines()]
    rows[3] |= row
    with pytest.raises(DataError, match=words) as told:
        train_scorer(config({target: write(tmp_path / "bad.jsonl", rows)}, encoder, tmp_path, target))
    assert "bad.jsonl" in str(told.value)
