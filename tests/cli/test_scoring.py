"""``textgym score`` gives what sacrebleu's own command gives, and says what is wrong with its files."""

import gzip
import io
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from textgym.cli import main
from textgym.cli.metrics import split_metrics
from textgym.core import Sample
from textgym.rewards import make_reward
from textgym.statistics import paired_bootstrap


@pytest.fixture
def captions(shared_data, tmp_path):
    """German captions as references, and three systems: two that damage them, and French ones."""
    rng = random.Random(0)
    for language, name in (("de", "ref.txt"), ("fr", "french.txt")):
        with gzip.open(shared_data / "multi30k" / f"test.{language}.gz") as file:
            (tmp_path / name).write_bytes(file.read())
    lines = (tmp_path / "ref.txt").read_text(encoding="utf-8").splitlines()
    for name, share in (("good.txt", 0.1), ("bad.txt", 0.3), ("ref2.txt", 0.2)):
        kept = [" ".join(word for word in line.split() if rng.random() > share) for line in lines]
        (tmp_path / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    return tmp_path


def sacrebleu(*arguments):
    command = [
        sys.executable,
        "-m",
        "sacrebleu",
        *map(str, arguments),
        "-m",
        "bleu",
        "chrf",
        "-w",
        "10",
        "--format",
        "json",
    ]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {found["name"].lower().rstrip("2"): found["score"] for found in told}


def score(capsys, *arguments):
    assert main(["score", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("references", [["ref.txt"], ["ref.txt", "ref2.txt"]])
@pytest.mark.parametrize("system", ["bad.txt", "french.txt"])
def test_corpus_scores_are_those_of_the_sacrebleu_command(captions, capsys, references, system):
    files = [captions / name for name in references]
    found = score(capsys, *files, "-i", captions / system, "-m", "bleu,chrf", "--resamples", 0)
    scores = {name: told["score"] for name, told in found["systems"][str(captions / system)].items()}
    assert scores == pytest.approx(sacrebleu(*files, "-i", captions / system), abs=1e-9)
    assert found["samples"] == 1000
    assert "sacrebleu:" in found["signatures"]["bleu"]


def test_systems_are_compared_by_the_paired_bootstrap(captions, capsys):
    names = [str(captions / name) for name in ("good.txt", "bad.txt")]
    found = score(capsys, captions / "ref.txt", "-i", *names, "-m", "bleu,rougeL", "--resamples", 300, "--seed", 7)
    assert found["compared"]["baseline"] == names[0]
    told = found["compared"]["systems"][names[1]]["bleu"]
    bleu = make_reward("bleu")
    texts = [(captions / name).read_text(encoding="utf-8").splitlines() for name in ("ref.txt", "good.txt", "bad.txt")]
    samples = [Sample("", line) for line in texts[0]]
    rows = [bleu.statistics(lines, samples) for lines in texts[1:]]
    expected = paired_bootstrap(rows[1], rows[0], bleu.aggregate, np.random.default_rng(7), 300)
    assert told["difference"] == pytest.approx(100 * expected.difference)
    assert told["interval"] == pytest.approx([100 * expected.low, 100 * expected.high])
    assert told["p"] == expected.p_value == 1 / 301
    interval = found["systems"][names[1]]["bleu"]["interval"]
    assert interval[0] < found["systems"][names[1]]["bleu"]["score"] < interval[1]


def test_text_for_people_tells_scores_intervals_and_signatures(captions, capsys):
    names = [str(captions / name) for name in ("good.txt", "bad.txt")]
    arguments = ["-i", *names, "-m", "bleu,0.5*bleu - 0.01*length", "--resamples", "50"]
    assert main(["score", str(captions / "ref.txt"), *arguments]) == 0
    text = capsys.readouterr().out
    assert "good.txt (1,000 lines)\n  bleu " in text
    assert f"against {names[0]}, by the paired bootstrap (Koehn, 2004)" in text
    assert "bleu: bleu|corpus|" in text
    assert "p = 0.01961" in text  # 1 / 51


def test_sentence_scores_are_lines_of_numbers(monkeypatch, tmp_path, capsys):
    (tmp_path / "ref.txt").write_text("a b c d\r\ne f g h\r\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b c d\n\n")))
    assert main(["score", str(tmp_path / "ref.txt"), "-m", "bleu,length", "--sentences"]) == 0
    assert capsys.readouterr().out == "bleu\tlength\n100\t4\n0\t0\n"
    (tmp_path / "hyp.txt").write_text("a b c d\nx")
    found = score(capsys, tmp_path / "ref.txt", "-i", tmp_path / "hyp.txt", "-m", "rougeL", "--sentences")
    assert found["systems"][str(tmp_path / "hyp.txt")]["rougeL"]["sentences"] == [1.0, 0.0]


def test_metrics_without_references_need_none(tmp_path, capsys):
    (tmp_path / "hyp.txt").write_text("a b a b\n")
    (tmp_path / "prompts.txt").write_text("a b c\n")
    arguments = ["-i", tmp_path / "hyp.txt", "--prompts", tmp_path / "prompts.txt", "-m", "copying(n=2),length"]
    found = score(capsys, *arguments, "--resamples", 0)["systems"][str(tmp_path / "hyp.txt")]
    assert found["copying(n=2)"]["score"] == pytest.approx(2 / 3)
    assert main(["score", "-i", str(tmp_path / "hyp.txt")]) == 2
    assert "bleu needs references: textgym score refs.txt < hyps.txt." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ref.txt", "-i", "short.txt"], "so all need as many lines, got ref.txt 2, short.txt 1."),
        (["ref.txt", "-i", "none.txt"], "none.txt: [Errno 2] No such file"),
        (["ref.txt", "-i", "latin.txt"], "latin.txt, line 2: byte 3 is not UTF-8: unexpected end"),
        (["ref.txt", "-i", "broken.gz"], "broken.gz: Not a gzipped file"),
        (["empty.txt", "-i", "empty.txt"], "There is nothing to score: the files have no lines."),
        (["ref.txt", "-i", "ref.txt", "-m", "blue"], "Unknown reward 'blue'. Did you mean 'bleu'?"),
        (["ref.txt", "-i", "ref.txt", "-m", "bleu(tokenise=1)"], "has no option 'tokenise'. Did you mean 'tokenize'?"),
        (["ref.txt", "-i", "ref.txt", "-m", "bleu,0.5*chrf +"], "Cannot read the reward at column 11: invalid syntax."),
        (["ref.txt", "-i", "ref.txt", "-m", ","], "--metrics names no metric"),
        (["ref.txt", "-i", "ref.txt", "ref.txt"], "Each file of hypotheses is given once"),
        (["ref.txt", "-i", "ref.txt", "--resamples", "-1"], "--resamples must be at least 0, got -1."),
        (["blank.txt", "-i", "ref.txt"], "'bleu' needs at least one reference that is not empty, got ('',) at row 1"),
        (
            ["ref.txt", "-i", "ref.txt", "-m", "my_module:f"],
            "The module 'my_module' cannot be imported: ModuleNotFound",
        ),
    ],
)
def test_mistakes_are_one_message_and_code_2(tmp_path, monkeypatch, capsys, arguments, message):
    contents = {"ref.txt": b"a b\nc d\n", "short.txt": b"a\n", "latin.txt": b"a b\nc \xe9\n", "broken.gz": b"x"}
    for name, content in (contents | {"empty.txt": b"", "blank.txt": b"a\n\n"}).items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert main(["score", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_metrics_are_split_at_commas_outside_of_brackets_and_quotes():
    assert split_metrics("bleu(tokenize='a,(b', lowercase=True), min(bleu, chrf),, x") == [
        "bleu(tokenize='a,(b', lowercase=True)",
        "min(bleu, chrf)",
        "x",
    ]
