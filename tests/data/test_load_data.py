"""``load_data``: every form of ``data=`` and every mistake in it."""

import copy
import json
import pickle

import pytest

from textgym import make_task
from textgym.core import Sample, Task
from textgym.data import READERS, DataTask, load_data
from textgym.errors import ConfigError, DataError
from textgym.tokenizers import ByteTokenizer

SAMPLES = [Sample("one two", "eins zwei"), Sample("three", ("drei", "3"))]


class Like(Task):
    name = "like"
    reward = "chrf"
    max_prompt_tokens = 7
    max_new_tokens = 5
    overlong = "truncate"

    def samples(self, split):
        return [Sample("never", "used")]

    def tokenizer(self):
        return ByteTokenizer()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))


def write(path, samples=SAMPLES):
    path.write_text("".join(json.dumps({"prompt": s.prompt, "references": s.references}) + "\n" for s in samples))
    return path


def test_task_is_returned_as_it_is():
    task = Like()
    assert load_data(task, Like()) is task


@pytest.mark.parametrize(
    "rows",
    [SAMPLES, tuple(SAMPLES), [{"source": "one two", "ref": "eins zwei"}, {"source": "three", "ref": ["drei", "3"]}]],
)
def test_list_is_the_split_train_under_the_other_tasks_settings(rows):
    task = load_data(rows, Like())
    assert isinstance(task, DataTask)
    assert list(task.samples("train")) == SAMPLES
    assert task.splits == ("train",)
    settings = (task.name, task.reward, task.max_prompt_tokens, task.max_new_tokens, task.overlong)
    assert settings == ("like", "chrf", 7, 5, "truncate")


def test_tokenizer_is_learned_on_the_training_split_once():
    task = load_data([Sample("abab abab", "abab")] * 20, Like())
    assert task.tokenizer() is task.tokenizer()
    assert len(task.tokenizer().encode("abab")) == 1


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_file_is_the_split_train(tmp_path, kind):
    task = load_data(kind(write(tmp_path / "rows.jsonl")), Like())
    assert list(task.samples("train")) == SAMPLES
    assert task.splits == ("train",)


def test_folder_gives_the_splits_that_it_holds(tmp_path):
    write(tmp_path / "train.jsonl")
    write(tmp_path / "dev.jsonl", SAMPLES[:1])
    task = load_data(tmp_path, Like())
    assert task.splits == ("train", "validation")
    assert list(task.samples("validation")) == SAMPLES[:1]


def test_shared_folder_of_summaries_loads(shared_data):
    task = load_data(str(shared_data / "scitldr"), Like())
    assert [len(task.samples(split)) for split in task.splits] == [1992, 619, 618]


def test_dict_mixes_lists_and_paths(tmp_path):
    task = load_data({"train": SAMPLES, "test": str(write(tmp_path / "any.jsonl", SAMPLES[1:]))}, Like())
    assert list(task.samples("test")) == SAMPLES[1:]


def test_split_that_the_data_lacks_is_refused():
    with pytest.raises(
        ConfigError, match=r"split 'test' was asked for, and the data has only 'train': pass split= one"
    ):
        load_data(SAMPLES, Like()).samples("test")


def test_tokenizer_without_training_split_is_refused():
    with pytest.raises(ConfigError, match="no split 'train' to learn byte pairs on, only 'test': pass tokenizer="):
        load_data({"test": SAMPLES}, Like()).tokenizer()


def test_bad_rows_are_skipped_and_counted(tmp_path):
    path = write(tmp_path / "rows.jsonl")
    path.write_text(path.read_text() + "{\n")
    rows = [*SAMPLES, {"prompt": "", "references": "r"}, Sample(" ")]
    task = load_data({"train": path, "test": rows}, Like(), on_bad_row="skip")
    assert task.skipped == {"train": 1, "test": 2}
    assert list(task.samples("test")) == SAMPLES
    with pytest.raises(DataError, match=r"rows.jsonl:3:2: invalid JSON"):
        load_data(path, Like())
    with pytest.raises(ConfigError, match="on_bad_row must be 'error' or 'skip', got 'drop'"):
        load_data(path, Like(), on_bad_row="drop")  # type: ignore[arg-type]


def test_samples_without_references_are_allowed_for_rewards_that_need_none():
    assert load_data([Sample("p")], Like()).samples("train")[0].references == ()


def test_lazy_sequence_is_taken_as_it_is(tmp_path):
    rows = load_data(write(tmp_path / "rows.jsonl"), Like()).samples("train")
    assert load_data(rows, Like()).samples("train") is rows


def test_task_is_shared_by_copies_and_pickles(tmp_path):
    task = load_data(write(tmp_path / "rows.jsonl"), Like())
    assert copy.deepcopy(task) is task
    task.tokenizer()
    other = pickle.loads(pickle.dumps(task))
    assert list(other.samples("train")) == SAMPLES
    assert other.tokenizer() == task.tokenizer()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], DataError, "0 rows in the split 'train': give at least one Sample"),
        ({"train": SAMPLES, "test": ()}, DataError, "0 rows in the split 'test'"),
        ({}, ConfigError, "names no split: give"),
        ({"trian": SAMPLES}, ConfigError, "unknown split 'trian'. Did you mean 'train'"),
        ({"prompt": "p", "references": "r"}, DataError, r"no file or folder /.*/p. .*One row alone is given as a list"),
        ({"prompt": "p", "text": "r"}, ConfigError, r"unknown split 'prompt'.*given as a list of one"),
        (7, ConfigError, r"got int for the split 'train'"),
        ({"test": None}, ConfigError, "got NoneType for the split 'test'"),
        (b"text", DataError, "in the split 'train' is a bytes of int: its items must be Sample"),
        ("", DataError, "data='' is no file or folder"),
        ("~no-such-user/rows.jsonl", DataError, "There is no file or folder /.*~no-such-user/rows.jsonl"),
        ("x" * 5000, DataError, "There is no file or folder /.*xxx"),
        ([7], DataError, r"data\['train'\]\[0\]: an item is a Sample or a dict, got int: '7'"),
        (["text"], DataError, "There is no file or folder /.*/text"),
        ([*SAMPLES, Sample("\t")], DataError, r"data\['train'\]\[2\]: the prompt is blank"),
        ([Sample("p" * 100_001)], DataError, r"data\['train'\]\[0\]: 100,001 characters of text, more than max_chars"),
        ([{"a": "p"}], DataError, r"data\['train'\]\[0\]: no column for prompt and references"),
        (
            "/no/such/folder/rows.jsonl",
            DataError,
            "There is no file or folder /no/.*. Its folder /no/such/folder does not",
        ),
    ],
)
def test_what_is_no_data_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        load_data(data, Like())


def test_missing_file_is_told_with_its_absolute_path_and_the_nearest_names(tmp_path, monkeypatch):
    write(tmp_path / "rows.jsonl")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"no file or folder {tmp_path}/rosw.jsonl. Nearest there: rows.jsonl"):
        load_data("rosw.jsonl", Like())
    with pytest.raises(DataError, match="Check the name: 1 others are there"):
        load_data("zzz", Like())


def test_a_misspelt_source_of_the_task_gets_the_nearest_one():
    like = make_task("summarization")
    with pytest.raises(DataError, match=r"'docstring' is no file or .* Did you mean 'docstrings'\?"):
        load_data("docstring", like)


def test_unknown_suffix_names_the_known_ones(tmp_path):
    path = write(tmp_path / "rows.json")
    with pytest.raises(
        DataError, match=r"end in '.json' cannot be read. Did you mean '.jsonl'\? Formats: .jsonl, .ndjson"
    ):
        load_data(path, Like())


def test_folder_without_splits_tells_what_it_holds(tmp_path):
    write(tmp_path / "rows.jsonl")
    with pytest.raises(
        DataError, match=r"none of train.jsonl, validation.jsonl, test.jsonl \(or .*\); it holds rows.jsonl. Rename"
    ):
        load_data(tmp_path, Like())


def test_a_reader_of_another_suffix_is_one_entry(tmp_path, monkeypatch):
    monkeypatch.setitem(READERS, ".txt", lambda path, rules: [Sample(path.read_text(), "r")])
    (tmp_path / "rows.txt").write_text("hello")
    assert load_data(tmp_path / "rows.txt", Like()).samples("train")[0].prompt == "hello"


def test_folders_that_cannot_be_listed_are_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(DataError, match=f"The folder {tmp_path} cannot be listed: Permission denied"):
        load_data(tmp_path, Like())
    with pytest.raises(DataError, match=r"no file or folder .*Its folder cannot be listed: Permission denied"):
        load_data(tmp_path / "rows.csv", Like())


def test_formats_in_a_folder_of_which_one_must_be_chosen_are_refused(tmp_path):
    write(tmp_path / "train.jsonl")
    (tmp_path / "train.csv").write_text("prompt,reference\na,b\n")
    with pytest.raises(DataError, match=r"has train.csv, train.jsonl: one of them must be the split, so give data="):
        load_data(tmp_path, Like())
