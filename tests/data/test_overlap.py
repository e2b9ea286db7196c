"""Samples that come twice are counted, within a split and in two."""

import json

import pytest

from textgym import make_task
from textgym.core import Sample
from textgym.data import find_overlap, load_data
from textgym.errors import DataError

LIKE = make_task("translation")
DATA = {
    "train": [Sample("a b", "c"), Sample("a  b", "c"), Sample("a", "b c"), Sample("d", "e", {"id": 1})],
    "validation": [Sample("d", "f", {"id": 1}), Sample("g", "h", {"id": 1})],
    "test": [Sample("a b", "x"), Sample("a\tb", "y"), Sample("g", "z")],
}


def test_counts_are_those_that_can_be_counted_by_hand():
    found = find_overlap(load_data(DATA, LIKE))
    assert found.samples == {"train": 4, "validation": 2, "test": 3}
    assert found.duplicates == {"train": 1, "validation": 0, "test": 0}
    assert found.duplicate_ids == {"train": 0, "validation": 1, "test": 0}
    assert found.shared == {("train", "validation"): 1, ("train", "test"): 2, ("validation", "test"): 1}
    assert found
    assert str(found) == (
        "1 of 4 samples of 'train' are duplicates; 1 samples of 'validation' have an id that came before; 1 of 2 "
        "samples of 'validation' have a prompt that is in 'train'; 2 of 3 samples of 'test' have a prompt that is in "
        "'train'; 1 of 3 samples of 'test' have a prompt that is in 'validation'"
    )


def test_strict_refuses_what_comes_twice_and_nothing_else(tmp_path):
    with pytest.raises(DataError, match=r"strict=True refuses the data: 1 of 4 samples of 'train' are duplicates;"):
        load_data(DATA, LIKE, strict=True)
    rows = [{"prompt": str(i), "reference": "r"} for i in range(50)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task = load_data({"train": tmp_path / "train.jsonl", "test": [Sample("x", "y")]}, LIKE, strict=True)
    assert not find_overlap(task)
    assert str(find_overlap(task)) == "nothing comes twice"


def test_captions_have_a_prompt_in_two_splits(shared_data):
    task = load_data(shared_data / "multi30k", LIKE, columns={"prompt": "en", "references": "de"})
    prompts = {split: [" ".join(sample.prompt.split()) for sample in task.samples(split)] for split in task.splits}
    found = find_overlap(task)
    for (earlier, later), count in found.shared.items():
        there = set(prompts[earlier])
        assert count == sum(prompt in there for prompt in prompts[later])
    assert found.shared["train", "validation"] == 1
