"""Samples made of others: files in a row, and rows of one prompt."""

import csv
import json
import pickle
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgym import make_task
from textgym.core import Sample
from textgym.data import fingerprint, load_data
from textgym.data.merging import ByPrompt, Concatenated, EveryNth
from textgym.errors import DataError

LIKE = make_task("translation")


def write(path, prompts):
    path.write_text("".join(json.dumps({"prompt": p, "reference": f"r{i}"}) + "\n" for i, p in enumerate(prompts)))
    return path


rows = st.lists(st.tuples(st.sampled_from("abcde"), st.lists(st.text(min_size=1), min_size=1, max_size=3)), min_size=1)


@given(rows=rows)
def test_each_prompt_comes_once_with_all_its_references_in_order(rows):
    expected = defaultdict(list)
    for prompt, references in rows:
        expected[prompt] += references
    merged = ByPrompt([Sample(prompt, tuple(references)) for prompt, references in rows])
    assert [(sample.prompt, list(sample.references)) for sample in merged] == list(expected.items())
    assert merged[-1] == merged[len(merged) - 1] == merged[:][-1]


def test_rows_of_a_file_are_merged_on_demand_and_pickles_stay_small(tmp_path):
    path = write(tmp_path / "rows.jsonl", ["a", "b", "a"] * 1_000)
    task = load_data(path, LIKE, by_prompt=True)
    samples = task.samples("train")
    assert [sample.prompt for sample in samples] == ["a", "b"]
    assert len(samples[0].references) == 2_000
    assert samples.where(1) == f"{path}:2"
    assert len(pickle.dumps(task)) < 2_000
    assert pickle.loads(pickle.dumps(task)).samples("train")[1] == samples[1]
    assert fingerprint(task, "train") == f"by-prompt:{fingerprint(load_data(path, LIKE), 'train')}"


@given(size=st.integers(0, 40), n=st.integers(2, 7))
def test_every_nth_sample_and_the_rest_are_all_samples(size, n):
    whole = [Sample(str(i)) for i in range(size)]
    chosen, rest = EveryNth(whole, n), EveryNth(whole, n, rest=True)
    assert list(chosen) == whole[n - 1 :: n]
    assert list(rest) == [sample for i, sample in enumerate(whole) if i % n != n - 1]
    assert (len(chosen), len(rest)) == (len(list(chosen)), len(list(rest)))
    assert [rest.where(i) for i in range(len(rest))] == [f"row {sample.prompt}" for sample in rest]


def test_meaning_representations_get_all_their_references(shared_data):
    path = shared_data / "e2e_nlg" / "testset_w_refs.csv"
    expected = defaultdict(list)
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            expected[row["mr"]].append(row["ref"])
    task = load_data({"test": path}, LIKE, by_prompt=True)
    assert {sample.prompt: list(sample.references) for sample in task.samples("test")} == expected
    assert len(task.samples("test")) == 630


def test_files_in_a_list_are_one_split(tmp_path):
    paths = [write(tmp_path / f"{i}.jsonl", prompts) for i, prompts in enumerate((["a"], ["b", "c"]))]
    task = load_data({"train": list(map(str, paths))}, LIKE)
    samples = task.samples("train")
    assert [sample.prompt for sample in samples] == ["a", "b", "c"] == [samples[i].prompt for i in (0, 1, -1)]
    assert samples.where(2) == f"{paths[1]}:2"
    assert fingerprint(task, "train").count("sha256:") == 2
    assert [sample.prompt for sample in pickle.loads(pickle.dumps(task)).samples("train")] == ["a", "b", "c"]


def test_parts_of_a_split_are_found_in_a_folder_in_order(tmp_path):
    for i in (1, 0):
        write(tmp_path / f"train-0000{i}-of-00002.jsonl", [str(i)])
    assert [sample.prompt for sample in load_data(tmp_path, LIKE).samples("train")] == ["0", "1"]
    write(tmp_path / "train.jsonl", ["2"])
    with pytest.raises(DataError, match="one of them must be the split"):
        load_data(tmp_path, LIKE)


def test_indices_out_of_range_are_refused():
    for samples in (Concatenated([[Sample("a")], [Sample("b")]]), ByPrompt([Sample("a"), Sample("b")])):
        with pytest.raises(IndexError, match="There are 2 samples; there is no sample 2"):
            samples[2]
