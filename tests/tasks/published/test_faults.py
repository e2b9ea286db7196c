"""The catalogue of faults in data for the readers of published files, one test for each and named after it."""

import json
import os
import stat
import zipfile

import gymnasium as gym
import pytest

from tests.tasks.published.fixtures import fixture, write_parquet
from textgym import make_task
from textgym.data import fingerprint
from textgym.data.lazy import FileSamples
from textgym.errors import DataError

GOOD = {"question": "How many?", "answer": "#### 1"}


def read(name, data, split="train", **options):
    return make_task(name, data=data, **options).samples(split)


def problems(folder, content, **options):
    """Read GSM8K from JSON lines: rows, or bytes as they are."""
    path = folder / "train.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else "".join(json.dumps(r) + "\n" for r in content).encode())
    return make_task("gsm8k", data={"train": path}, **options)


def document(folder, content, name="dialogues_001.json"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def zipped(folder, *members):
    path = folder / "movie_reviews.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_d01_missing_files_and_folders_are_named_with_the_nearest(tmp_path):
    fixture("scitldr", tmp_path / "scitldr")
    with pytest.raises(DataError, match=rf"no file or folder {tmp_path}/scitldt. Nearest there: scitldr\."):
        read("scitldr", tmp_path / "scitldt")
    with pytest.raises(DataError, match=r"tests.jsonl. Nearest there: test.jsonl"):
        read("scitldr", {"test": tmp_path / "scitldr" / "tests.jsonl"}, "test")
    (tmp_path / "empty").mkdir()
    told = (
        r"empty has none of the files of the task 'e2e' \(trainset.csv, devset.csv, testset_w_refs.csv\); it holds no"
    )
    with pytest.raises(DataError, match=told):
        read("e2e", tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "file"), [("sgd", "dialogues_1.json"), ("wikitext", "train.txt"), ("e2e", "train.csv")]
)
def test_d02_empty_files_say_so(tmp_path, name, file):
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(DataError, match=rf"{file} has 0 rows\. (Write|Give)"):
        read(name, tmp_path)


def test_d02_archives_and_splits_without_rows_say_so(tmp_path):
    with pytest.raises(DataError, match=r"movie_reviews.zip has 0 rows\. Put .txt files into it"):
        read("movie_reviews", zipped(tmp_path, ("README", "x")))
    with pytest.raises(DataError, match=r"dialogues_001.json has 0 rows"):
        read("sgd", document(tmp_path, []))


def test_d03_documents_that_are_cut_off_are_told_by_line_and_column(tmp_path):
    with pytest.raises(DataError, match=r"dialogues_001.json:2:\d+: invalid JSON \(.*\). Fetch or mend the file"):
        read("sgd", document(tmp_path, b'[\n{"turns": [{"speaker": "USER"'))
    with pytest.raises(DataError, match=r"must hold a list of objects, got str: 'text'"):
        read("sgd", document(tmp_path, "text"))
    with pytest.raises(DataError, match=r"JSON that cannot be read"):
        read("sgd", document(tmp_path, b"[" * 100_000))
    with pytest.raises(DataError, match=r"row 0: a row is an object with named fields, got list"):
        read("sgd", document(tmp_path, [[1]]))


def test_d03_lines_that_are_cut_off_are_told_by_line_and_column(tmp_path):
    with pytest.raises(DataError, match=r"train.jsonl:2:\d+: invalid JSON"):
        problems(tmp_path, json.dumps(GOOD).encode() + b'\n{"question": "How').samples("train")


def test_d04_bytes_that_are_not_utf8_are_told_or_replaced(tmp_path):
    path = document(tmp_path, b'[\n{"turns": [{"speaker": "USER", "utterance": "caf\xe9"}]}]')
    with pytest.raises(DataError, match=r"dialogues_001.json:2: byte 49 \(0xe9\) is not UTF-8"):
        read("sgd", path)
    archive = zipped(tmp_path, ("r/pos/cv000_1.txt", b"caf\xe9 au lait"))
    with pytest.raises(DataError, match=r"movie_reviews.zip, 'r/pos/cv000_1.txt': byte 4 \(0xe9\) is not UTF-8"):
        read("movie_reviews", archive)
    assert read("movie_reviews", archive, encoding_errors="replace")[0].prompt == "caf\ufffd"


def test_d05_marks_of_byte_order_are_no_text_and_utf16_is_named(tmp_path):
    dialogue = json.dumps([{"turns": [{"speaker": s, "utterance": s, "frames": []} for s in ("USER", "SYSTEM")]}])
    assert read("sgd", document(tmp_path, b"\xef\xbb\xbf" + dialogue.encode()))[0].references == ("SYSTEM",)
    with pytest.raises(DataError, match="is UTF-16 or UTF-32, and UTF-8 is needed"):
        read("sgd", document(tmp_path, dialogue.encode("utf-16"), "dialogues_002.json"))


def test_d06_null_and_missing_columns_stop_reading_or_are_skipped_and_counted(tmp_path):
    bad = [{"question": None, "answer": "#### 1"}, {"question": "How?"}]
    with pytest.raises(DataError, match=r"train.jsonl:2: the column 'question' is null.*Bad too: train.jsonl:3"):
        problems(tmp_path, [GOOD, *bad]).samples("train")
    task = problems(tmp_path, [GOOD, *bad], on_bad_row="skip")
    assert len(task.samples("train")) == 1
    assert task.skipped == {"train": 2}


def test_d07_blank_texts_are_bad_rows(tmp_path):
    with pytest.raises(DataError, match=r"train.jsonl:1: 'question' is blank"):
        problems(tmp_path, [GOOD | {"question": " \t"}]).samples("train")
    with pytest.raises(DataError, match=r"a review of 1 word has no two halves"):
        read("movie_reviews", zipped(tmp_path, ("r/pos/cv000_1.txt", "word")))


def test_d08_other_kinds_of_values_are_told(tmp_path):
    with pytest.raises(DataError, match=r"train.jsonl:1: 'question' must be text, got int: 3"):
        problems(tmp_path, [GOOD | {"question": 3}]).samples("train")
    (tmp_path / "test.jsonl").write_text(json.dumps({"source": "text", "target": ["a"]}) + "\n")
    with pytest.raises(DataError, match=r"'source' must be a list of texts, got str: 'text'"):
        read("scitldr", tmp_path / "test.jsonl", "test")
    with pytest.raises(DataError, match=r"row 0: the row is not as the published format has it \(TypeError"):
        read("sgd", document(tmp_path, [{"turns": 3}]))
    with pytest.raises(DataError, match=r"row 0: the row is not as the published format has it \(KeyError: 'frames'"):
        read("sgd", document(tmp_path, [{"turns": [{"speaker": "USER"}]}]))


def test_d09_blank_references_are_left_out_and_counted(tmp_path):
    (tmp_path / "test.jsonl").write_text(json.dumps({"source": ["a"], "target": ["b", " ", ""]}) + "\n")
    task = make_task("scitldr", data=str(tmp_path))
    assert task.samples("test")[0].references == ("b",)
    assert task.blanks == {"test": 2}
    (tmp_path / "train.jsonl").write_text(json.dumps({"source": ["a"], "target": [" "]}) + "\n")
    with pytest.raises(DataError, match=r"train.jsonl:1: all references are blank"):
        read("scitldr", tmp_path)


def test_d10_long_prompts_are_cut_on_the_left_or_told_with_their_place(tmp_path):
    task = problems(tmp_path, [GOOD | {"question": "How many words? " * 100}])
    env = gym.make("textgym/GSM8K-v0", data=task.data, tokenizer="byte")
    shown = env.unwrapped.episodes.tokenizer.decode(env.reset(seed=0)[0][:512].tolist())
    assert shown.endswith("words? \nAnswer:") or shown.endswith("words?\nAnswer:")
    assert not shown.startswith("Question")
    with pytest.raises(DataError, match=r"train.jsonl:1\) has \d+ tokens, more than max_prompt_tokens=512"):
        gym.make("textgym/GSM8K-v0", data=task.data, tokenizer="byte", overlong="error").reset(seed=0)


def test_d11_rows_of_megabytes_are_refused_by_their_size(tmp_path):
    with pytest.raises(DataError, match=r"train.jsonl:1: 110,0\d\d characters of text, more than max_chars=100,000"):
        problems(tmp_path, [GOOD | {"question": "x" * 110_000}]).samples("train")
    with pytest.raises(DataError, match=r"a row of more than 1,000 bytes, too many for max_chars=10"):
        read("movie_reviews", zipped(tmp_path, ("r/pos/cv000_1.txt", "x " * 2_000)), max_chars=10)


def test_d12_characters_that_cannot_be_seen_are_kept(tmp_path):
    text = "a\x1b[31m\u202e\x00b"
    assert problems(tmp_path, [GOOD | {"question": text}]).samples("train")[0].prompt == f"Question: {text}\nAnswer:"


def test_d13_forms_of_unicode_are_made_one(tmp_path):
    task = problems(tmp_path, [GOOD | {"question": "e\u0301"}], normalize="NFC")
    assert "\u00e9" in task.samples("train")[0].prompt


def test_d14_rows_that_come_twice_are_refused_by_strict(tmp_path):
    with pytest.raises(DataError, match=r"strict=True refuses the data: 1 of 2 samples of 'train' are duplicates"):
        problems(tmp_path, [GOOD, GOOD], strict=True).samples("train")
    with pytest.raises(DataError, match="strict=True refuses"):
        gym.make("textgym/GSM8K-v0", data={"train": str(tmp_path / "train.jsonl")}, strict=True)


@pytest.mark.parametrize("end", ["jsonl", "csv", "parquet"])
def test_d15_columns_of_other_names_are_listed_with_what_to_pass(tmp_path, end):
    path = tmp_path / f"train.{end}"
    if end == "parquet":
        write_parquet(path, [{"problem": "a", "answer": "b"}])
    else:
        path.write_text('{"problem": "a", "answer": "b"}\n' if end == "jsonl" else "problem,answer\na,b\n")
    told = (
        r"the column 'question' is missing. Columns found: 'problem', 'answer'; the published format has 'question', "
        r"'answer'. Samples of your own, with other columns: pass columns="
    )
    with pytest.raises(DataError, match=told):
        read("gsm8k", path)


def test_d16_offline_is_told_at_once(monkeypatch):
    with pytest.raises(DataError, match=r"no data here: The hub cannot be reached \(HF_HUB_OFFLINE is set\)"):
        read("gsm8k", None)
    with pytest.raises(DataError, match=r"task 'sgd' has no data here. Download and put the published files \(train/"):
        read("sgd", None)
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(DataError, match=r'needs the package datasets.*pip install "textgym\[hub\]"'):
        read("gsm8k", None)


@pytest.mark.parametrize("name", ["sgd", "movie_reviews", "wikitext", "daily_dialog", "e2e"])
def test_d17_data_that_changed_has_another_fingerprint_and_is_refused_while_it_is_open(tmp_path, name):
    data = fixture(name, tmp_path / name)
    task = make_task(name, data=data)
    samples, before = task.samples("train"), fingerprint(task, "train")
    inner = getattr(samples, "_samples", samples)
    assert isinstance(inner, FileSamples)
    path = inner.paths[0]
    path.write_bytes(path.read_bytes()[:-1] + b" \n")
    with pytest.raises(DataError, match="changed after it was opened: make the environment again"):
        samples[0]
    with pytest.raises(DataError, match="changed after it was opened"):
        list(samples)
    assert before.startswith(("sha256:", "by-prompt:sha256:"))


def link(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("../outside.txt", "leads out of it"),
        ("/etc/passwd.txt", "leads out of it"),
        ("a\\..\\..\\b.txt", "leads out of it"),
        ("C:/windows.txt", "leads out of it"),
        (link("r/pos/cv000_1.txt"), "is a link"),
    ],
)
def test_d18_archives_whose_names_lead_out_of_them_are_refused(tmp_path, name, wrong):
    with pytest.raises(DataError, match=rf"movie_reviews.zip is refused: .* {wrong}. Fetch the published archive"):
        read("movie_reviews", zipped(tmp_path, (name, "some text")))
    assert os.listdir(tmp_path) == ["movie_reviews.zip"]


def test_d18_archives_that_unpack_to_more_than_text_does_are_refused(tmp_path):
    path = zipped(tmp_path, ("r/pos/cv000_1.txt", b"a" * 2**20 * 70))
    with pytest.raises(DataError, match=r"unpacks to more than [\d,]+ bytes, over 50 times its size"):
        read("movie_reviews", path)


def test_d18_archives_that_are_cut_off_or_no_archives_are_told(tmp_path):
    path = zipped(tmp_path, ("r/pos/cv000_1.txt", "some text " * 100))
    content = path.read_bytes()
    path.write_bytes(content[:60])
    with pytest.raises(DataError, match=r"movie_reviews.zip is no whole zip archive"):
        read("movie_reviews", path)
    path.write_bytes(content[:50] + bytes(8) + content[58:])
    with pytest.raises(DataError, match=r"movie_reviews.zip is no whole zip archive"):
        read("movie_reviews", path)
    (tmp_path / "train.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match="is an archive, and archives are not opened"):
        read("e2e", tmp_path / "train.tar.gz")


def test_d07_blank_articles_are_published_and_stay_in(tmp_path):
    (tmp_path / "test.jsonl").write_text('{"document": "", "summary": "s"}\n')
    assert read("xsum", tmp_path, "test")[0].prompt == "\nTL;DR:"


def test_d11_a_document_may_be_one_long_line(tmp_path):
    turns = [{"speaker": s, "utterance": "word " * 50, "frames": []} for s in ("USER", "SYSTEM") * 20]
    dialogues = [{"turns": turns}] * 1_100
    assert len(json.dumps(dialogues)) > 10**7
    assert len(read("sgd", document(tmp_path, dialogues))) == 20 * 1_100
