"""``textgym info``: the card of an environment or a task."""

import json

import pytest

from tests.tasks.published.fixtures import alone, fixture
from textgym import cli
from textgym.cli.facts import subject_of
from textgym.making import text_ids
from textgym.registration import tasks
from textgym.tasks import summarization


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    alone(tmp_path, monkeypatch)


def told(capsys, *arguments):
    assert cli.main(["info", *arguments]) == 0
    return capsys.readouterr().out


def test_every_environment_of_the_library_has_a_card():
    for id in text_ids():
        if id.startswith("textgym/"):
            card = subject_of(id).kind.card
            assert card is not None, id
            assert card.source, id
            assert card.licence, id


def test_a_task_with_a_known_optimum_is_told_whole(capsys):
    text = told(capsys, "textgym/Copy-v0")
    facts = json.loads(told(capsys, subject_of("textgym/Copy-v0").task, "--json"))
    assert text.startswith("textgym/Copy-v0\n\nRepeat a string of letters.")
    assert facts["environment"] == "textgym/Copy-v0"
    assert facts["sizes"] == {"train": 1_000_000, "validation": 1_000, "test": 1_000}
    assert f"returns     optimal 1, random {facts['random_return']:.4g}" in text
    assert "samples     train 1,000,000, validation 1,000, test 1,000" in text
    assert f"example     {facts['example']['prompt']}\n            -> {facts['example']['references'][0]}" in text
    spread = facts["prompt_tokens"]
    assert f"{spread['median']} tokens (median), {spread['p95']} (95 %), {spread['max']} (most); P = 4" in text


def test_a_benchmark_without_its_data_tells_its_card_and_what_to_download(capsys, tmp_path):
    text = told(capsys, "textgym/XSum-v0")
    assert "samples     not here: Where there is a network, run hf download" in text
    assert f"into {tmp_path / 'cache' / 'data' / 'xsum'}, or pass data=FOLDER" in text
    assert "licence     none stated for the text" in text
    assert "published   BART: ROUGE-1 45.14 (BART, Lewis et al., ACL 2020, table 3)" in text
    assert "prompt      P = 1024" in text
    assert "example" not in text


def test_its_samples_are_told_where_they_are_found_or_given(capsys, tmp_path):
    fixture("e2e", tmp_path / "cache" / "data" / "e2e")
    text = told(capsys, "e2e")
    assert "samples     train 12, validation 4, test 4" in text
    assert "example     name[The cat], area[train], familyFriendly[yes]" in text
    assert "TGen: CIDEr 2.2338" in text
    fixture("gsm8k", tmp_path / "given")
    facts = json.loads(told(capsys, "textgym/GSM8K-v0", "--data", str(tmp_path / "given"), "--json"))
    assert facts["sizes"] == {"train": 11, "validation": 1, "test": 4}
    assert facts["response_tokens"]["max"] > 5


def test_lengths_are_those_of_the_tokenizer(capsys, tmp_path):
    rows = [{"question": "q" * n, "answer": "#### 1"} for n in (1, 2, 100)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = json.loads(told(capsys, "gsm8k", "--data", str(tmp_path / "test.jsonl"), "--json"))
    own = len("Question: \nAnswer:")
    assert facts["tokenizer"].startswith("byte")  # there is no training split to learn another one on
    assert facts["prompt_tokens"] == {"median": own + 2, "p95": own + 100, "max": own + 100}


def test_no_escape_of_a_terminal_comes_out_of_data(capsys, tmp_path):
    row = {"question": "\x1b]0;title\x07\x1b[2J\u202e\r\x9b31m", "answer": "\x1b[31m#### 1"}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    for form in ([], ["--json"]):
        text = told(capsys, "gsm8k", "--data", str(tmp_path), *form)
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "31m#### 1" in text


def test_what_is_not_installed_is_told_in_the_card(capsys, monkeypatch):
    monkeypatch.setattr(summarization, "find_spec", lambda name: None)
    summarization._papers.cache_clear()
    text = told(capsys, "summarization")
    assert "samples     not here: " in text
    assert 'pip install "textgym[data]"' in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["xsun"], "There is no environment and no task 'xsun'. Did you mean 'xsum'?"),
        (["textgym/Translation-v1"], "Did you mean 'textgym/Translation-v0'?"),
        (["\x1b[31m"], "There is no environment and no task '\\x1b[31m'. textgym list tells all that there are."),
        ([], "Give the name of an environment or a task, or --pages FOLDER"),
        (["xsum", "--pages", "x"], "Give the name of an environment or a task, or --pages FOLDER"),
        (["xsum", "--data", "nowhere"], "There is no file or folder"),
        (["copy", "--jsn"], "unrecognized arguments: --jsn"),
    ],
)
def test_mistakes_are_told_in_a_line(capsys, arguments, message):
    assert cli.main(["info", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_tasks_without_an_environment_or_a_card_are_told_too(capsys):
    assert "tiny" not in tasks.names() or told(capsys, "tiny")
    import tests.tiny  # noqa: F401  (registers a task)

    facts = json.loads(told(capsys, "tiny", "--json"))
    assert "licence" not in facts
    assert facts["sizes"]["train"] == 5
