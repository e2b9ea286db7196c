"""The catalogue of faults in data, one test for each and named after it: what is told, counted or refused."""

import csv
import gzip
import io
import json
import sys
import unicodedata

import gymnasium as gym
import pytest

from textgym import make_reward, make_task
from textgym.core import Sample
from textgym.data import find_overlap, fingerprint, load_data
from textgym.data.lazy import FileSamples
from textgym.errors import DataError, MissingExtraError

ID = "textgym/Translation-v0"
LIKE = make_task("translation")
GOOD = {"prompt": "p", "references": ["r"]}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))


def as_jsonl(rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_table(rows, separator) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([("prompt", "references"), *(map(_flat, rows))])
    return text.getvalue().encode()


def _flat(row) -> list[str]:
    return [row["prompt"] or "", "".join(row["references"] or "")]


FORMATS = {
    "jsonl": as_jsonl,
    "csv": lambda rows: as_table(rows, ","),
    "tsv": lambda rows: as_table(rows, "\t"),
    "csv.gz": lambda rows: gzip.compress(as_table(rows, ",")),
}
every_format = pytest.mark.parametrize("end", FORMATS)


@pytest.fixture
def write(tmp_path):
    def write(content, end="jsonl", name="rows"):
        path = tmp_path / f"{name}.{end}"
        path.write_bytes(content if isinstance(content, bytes) else FORMATS[end](content))
        return path

    return write


def read(data, **options):
    return load_data(data, LIKE, **options).samples("train")


@every_format
def test_d01_missing_and_unreadable_files_are_named_with_the_nearest(write, monkeypatch, end):
    path = write([GOOD], end)
    with pytest.raises(DataError, match=rf"no file or folder {path.parent}/rosw.{end}. Nearest there: rows.{end}\."):
        read(path.parent / f"rosw.{end}")
    denied = PermissionError(13, "Permission denied", str(path))
    monkeypatch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(denied))
    with pytest.raises(DataError, match=rf"{path} cannot be read: Permission denied. Check its permissions"):
        read(path)


@pytest.mark.parametrize("end", ["jsonl", "csv", "tsv"])
def test_d02_files_without_rows_say_so(write, end):
    with pytest.raises(DataError, match=rf"rows.{end} has 0 rows\. Write"):
        read(write(b"", end))
    with pytest.raises(DataError, match=rf"rows.{end} has 0 rows"):
        read(write([], end))


def test_d03_json_and_quotes_that_are_cut_off_are_told_by_line_and_column(write):
    with pytest.raises(DataError, match=r"rows.jsonl:2:12: invalid JSON"):
        read(write(as_jsonl([GOOD]) + b'{"prompt": "'))
    with pytest.raises(DataError, match=r"rows.csv:3: a quote is opened and never closed"):
        read(write(b'prompt,references\np,r\n"p', "csv"))


@pytest.mark.parametrize("end", ["jsonl", "csv", "tsv"])
def test_d04_bytes_that_are_not_utf8_are_told_by_line_and_byte_or_replaced_and_counted(write, end):
    content = FORMATS[end]([GOOD, {"prompt": "caf~", "references": ["r"]}]).replace(b"~", b"\xe9")
    lines = content.splitlines()
    path = write(content, end)
    place = rf"rows.{end}:{len(lines)}: byte {lines[-1].index(0xE9) + 1} \(0xe9\) is not UTF-8"
    with pytest.raises(DataError, match=place + '.*encoding_errors="replace"'):
        read(path)
    task = load_data(path, LIKE, encoding_errors="replace")
    assert [sample.prompt for sample in task.samples("train")] == ["p", "caf\ufffd"]
    assert task.replaced == {"train": 1}


@pytest.mark.parametrize("end", ["jsonl", "csv", "tsv"])
def test_d05_marks_of_byte_order_and_line_ends_of_windows_are_no_text_and_utf16_is_named(write, end):
    content = FORMATS[end]([GOOD, {"prompt": "é", "references": ["ß"]}])
    windows = b"\xef\xbb\xbf" + content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert list(read(write(windows, end))) == [Sample("p", "r"), Sample("é", "ß")]
    with pytest.raises(DataError, match=f"rows.{end} is UTF-16 or UTF-32, and UTF-8 is needed: iconv .* > new.{end}"):
        read(write(content.decode().encode("utf-16"), end))


BAD = [GOOD, {"prompt": None, "references": ["r"]}, GOOD, {"prompt": "p", "references": None}]


@every_format
def test_d06_rows_that_lack_a_text_stop_reading_or_are_skipped_and_counted(write, end):
    path = write([*BAD, *[{"prompt": "p", "references": []}] * 9], end)
    first = int(end != "jsonl") + 2  # below the header line
    others = ", ".join(rf"rows.{end}:{first + i}" for i in (2, 3, 4, 5))
    with pytest.raises(DataError, match=rf"rows.{end}:{first}: .*Bad too: {others}\. Or pass on_bad_row=.skip"):
        read(path)
    task = load_data(path, LIKE, on_bad_row="skip")
    assert (list(task.samples("train")), task.skipped) == ([Sample("p", "r")] * 2, {"train": 11})


@every_format
@pytest.mark.parametrize("blank", ["", " ", "\u3000\t"])
def test_d07_blank_prompts_are_bad_rows_so_that_no_episode_starts_without_a_token(write, end, blank):
    path = write([GOOD, {"prompt": blank.replace("\t", " "), "references": ["r"]}], end)
    with pytest.raises(DataError, match=r"rows.*: the prompt \('prompt'\) is blank. Give it text or remove the row"):
        read(path)
    env = gym.make(ID, data=path, on_bad_row="skip", tokenizer="byte")
    assert all((env.reset(seed=seed)[0] >= 0).any() for seed in range(3))


def test_d08_references_may_be_a_string_in_one_row_and_a_list_in_another(write):
    rows = [{"prompt": "p", "references": "r"}, {"prompt": "p", "references": ["r", "s"]}]
    assert [sample.references for sample in read(write(rows))] == [("r",), ("r", "s")]


def test_d09_blank_references_are_left_out_and_counted_and_others_kept_as_they_are(write):
    rows = [{"prompt": "p", "references": ["r", "", "r", None, " "]}, {"prompt": "p", "references": ["s"]}]
    task = load_data(write(rows), LIKE)
    assert [sample.references for sample in task.samples("train")] == [("r", "r"), ("s",)]
    assert task.blanks == {"train": 3}
    with pytest.raises(DataError, match=r"rows.jsonl:2: 'references' holds no text. Give at least one reference"):
        read(write([GOOD, {"prompt": "p", "references": ["", None]}]))


@every_format
def test_d10_prompts_that_are_too_long_are_an_error_with_their_place_or_cut_or_dropped(write, end):
    path = write([GOOD, {"prompt": "abcdefghij", "references": ["r"]}], end)
    short = {"data": path, "tokenizer": "byte", "max_prompt_tokens": 4}
    line = 2 + (end != "jsonl")
    with pytest.raises(
        DataError, match=rf"sample 1 .*rows.{end}:{line}\) has 11 tokens, more than max_prompt_tokens=4"
    ):
        gym.make(ID, **short).reset(options={"index": 1})
    env = gym.make(ID, overlong="truncate", **short)
    assert env.unwrapped.episodes.tokenizer.decode(env.reset(options={"index": 1})[0][:3].tolist()) == "hij"
    env = gym.make(ID, overlong="drop", **short)
    assert {env.reset(seed=seed)[1]["index"] for seed in range(20)} == {0}
    assert env.unwrapped.episodes.overlong_count > 0


@pytest.mark.parametrize("end", ["jsonl", "csv", "tsv"])
def test_d11_rows_of_megabytes_are_refused_by_their_size(write, end):
    long = {"prompt": "p" * 120_000, "references": ["r"]}
    with pytest.raises(DataError, match=rf"rows.{end}:\d: 120,001 characters of text, more than max_chars=100,000"):
        read(write([GOOD, long], end))
    assert len(read(write([GOOD, long], end), max_chars=200_000)) == 2
    huge = write([GOOD, {"prompt": "p" * 10_000_000, "references": ["r"]}, GOOD], end)
    with pytest.raises(DataError, match=rf"rows.{end}:\d: a row of more than 10,000,000 bytes, too many for max_chars"):
        read(huge)
    assert list(read(huge, on_bad_row="skip")) == [Sample("p", "r")] * 2


def test_d12_characters_that_cannot_be_seen_are_kept_in_data_and_escaped_when_shown(write):
    odd = "a\ud800b\0c\x1b[31md\u202ee\x85f"
    path = write([{"prompt": odd, "references": [odd]}])
    assert list(read(path)) == [Sample(odd, odd)]
    env = gym.make(ID, data=path, tokenizer="byte", render_mode="ansi")
    assert env.reset(seed=0)[1]["prompt"] == odd
    env.step(97)
    shown = env.render()
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert r"a\ud800b\x00c\x1b[31md\u202ee\x85f" in shown


SCRIPTS = ["é Å ﬁ", "👩‍👩‍👧 🏳️‍🌈", "שלום עולם", "مرحبا", "你好世界", "สวัสดีชาวโลก", "한국어 문장"]


@pytest.mark.parametrize("text", SCRIPTS)
def test_d13_forms_of_unicode_are_made_one_and_every_script_can_score_the_most(write, text):
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    rows = [{"prompt": form, "references": [form]} for form in forms]
    first, second = read(write(rows), normalize="NFC")
    assert first == second == Sample(forms[0], forms[0])
    for name in ("chrf", "edit_similarity", "exact_match"):
        reward = make_reward(name)
        assert reward([text, forms[0]], [Sample("p", text), first]).tolist() == pytest.approx([1.0, 1.0])


def test_d14_duplicates_and_prompts_in_two_splits_are_counted_and_refused_by_strict(write):
    data = {
        "train": write([GOOD, GOOD, {"prompt": "q", "references": ["r"]}], name="a"),
        "test": write([{"prompt": "q", "references": ["s"], "id": 1}, {"prompt": "x", "references": ["y"], "id": 1}]),
    }
    found = find_overlap(load_data(data, LIKE))
    counts = (found.duplicates["train"], found.duplicate_ids["test"], found.shared["train", "test"])
    assert counts == (1, 1, 1)
    with pytest.raises(
        DataError, match="strict=True refuses the data: 1 of 3 samples of 'train' are duplicates; 1 sam"
    ):
        gym.make(ID, data=data, strict=True)


@pytest.mark.parametrize("end", ["jsonl", "csv", "tsv"])
def test_d15_columns_of_other_names_are_listed_with_what_to_pass(write, end):
    path = write(FORMATS[end]([GOOD]).replace(b"prompt", b"english").replace(b"references", b"german"), end)
    message = (
        rf"rows.{end}:\d: no column for prompt and references. Columns found: 'english', 'german'; guessed: "
        r"prompt=None, references=None. Rename .* or pass columns=\{\"prompt\": ..., \"references\": ...\}"
    )
    with pytest.raises(DataError, match=message):
        read(path)
    assert list(read(path, columns={"prompt": "english", "references": "german"})) == [Sample("p", "r")]
    with pytest.raises(DataError, match=r"no column 'germn'. Did you mean 'german'\? Columns found: 'english', 'ger"):
        read(path, columns={"prompt": "english", "references": "germn"})


def test_d16_data_of_the_hub_without_the_library_says_what_to_install(monkeypatch, write):
    """Without network, with scripts and with moved revisions: see ``test_hub``."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"datasets, which is not installed: pip install .textgym\[hub\]"):
        read("hub:user/name")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"Reading .*rows.parquet needs the package pyarrow"):
        read(write(b"PAR1", "parquet"))


@every_format
def test_d17_data_that_changed_has_another_fingerprint_and_is_refused_while_it_is_open(write, end):
    path = write([GOOD], end)
    task = load_data(path, LIKE)
    before = fingerprint(task, "train")
    write([GOOD, GOOD], end)
    samples = task.samples("train")
    assert isinstance(samples, FileSamples)
    with pytest.raises(DataError, match=rf"rows.{end} changed after it was opened: make the environment again"):
        samples[0]
    assert fingerprint(load_data(path, LIKE), "train") != before
    write([GOOD], end)
    assert end.endswith("gz") or fingerprint(load_data(path, LIKE), "train") == before


@pytest.mark.parametrize("end", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "7z", "jsonl.xz", "jsonl.zst"])
def test_d18_archives_are_not_opened(write, end):
    with pytest.raises(
        DataError, match=rf"rows.{end} is an archive, and archives are not opened, as they may write any"
    ):
        read(write(b"PK\x03\x04", end))


def test_d18_compressed_files_that_unpack_to_more_than_text_does_are_refused(write):
    with pytest.raises(DataError, match=r"rows.jsonl.gz unpacks to more than .* which text does not"):
        read(write(gzip.compress(b" " * (80 * 2**20)), "jsonl.gz"))
