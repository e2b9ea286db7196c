"""Reports and responses survive the way to a file and back; what a spreadsheet would compute is made harmless."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from agents import Report, write_responses
from agents.evaluation.scoring import score_responses
from textgym import Sample, make_reward
from textgym.errors import ConfigError

TEXTS = ["=1+2", "+x", "-x", "@SUM(A1)", "\tx", 'plain, with "quotes"\nand a line', "Grüße 你好 \ud800", ""]
SAMPLES = [Sample(text or "empty", (text, "b"), {"row": i}) for i, text in enumerate(TEXTS)]


def make(specs=("bleu", "bleu(lowercase=True)", "0 - 1*edit_similarity"), samples=SAMPLES):
    responses = [sample.references[0] for sample in samples]
    judges = [make_reward(spec) for spec in specs]
    scores = tuple(score_responses(j, responses, samples, spec=s) for j, s in zip(judges, specs, strict=True))
    count = len(samples)
    return Report(
        "my/Env-v0",
        "test",
        "greedy",
        scores,
        tuple(samples),
        tuple(responses),
        3.5,
        0.5,
        7,
        indices=tuple(range(10, 10 + count)),
        lengths=tuple(range(1, count + 1)),
        finishes=("eos", "length") * (count // 2),
        judges=tuple(judges),
    )


def test_a_report_is_read_back_as_it_was(tmp_path: Path):
    report = make(["bleu", "edit_similarity"])
    report.save(tmp_path / "r.json")
    assert Report.load(tmp_path / "r.json") == report
    pooled = dataclasses.replace(
        report, selected_by="bleu|...", pool=(dataclasses.replace(report.scores[0], sentences=()),)
    )
    assert Report.from_json(json.loads(json.dumps(pooled.to_json(answers=True)))) == pooled


def test_the_short_form_has_no_texts():
    plain = make(["bleu"]).to_json()
    assert set(plain) == {"env_id", "split", "mode", "mean_length", "ended", "seed", "count", "scores"}
    assert "sentences" not in plain["scores"][0]


def test_json_lines_hold_every_response_exactly(tmp_path: Path):
    report = make(["bleu", "bleu(lowercase=True)"])
    write_responses(report, tmp_path / "r.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert [row["response"] for row in rows] == TEXTS
    assert [row["references"] for row in rows] == [list(sample.references) for sample in SAMPLES]
    assert rows[0] == {
        "index": 10,
        "prompt": "=1+2",
        "references": ["=1+2", "b"],
        "metadata": {"row": 0},
        "response": "=1+2",
        "finish": "eos",
        "length": 1,
        "scores": {"bleu": report.scores[0].sentences[0], "bleu 2": report.scores[1].sentences[0]},
    }


def test_csv_cells_are_no_formulas(tmp_path: Path):
    report = make(["edit_similarity", "-1*edit_similarity"])
    write_responses(report, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ["index", "prompt", "references", "response", "finish", "length", "edit_similarity", "'-1*edit_similarity"]
    assert list(rows[0]) == names
    assert [row["response"] for row in rows[:6]] == ["'=1+2", "'+x", "'-x", "'@SUM(A1)", "'\tx", TEXTS[5]]
    assert rows[6]["response"] == "Grüße 你好 \\ud800"
    assert json.loads(rows[0]["references"]) == ["=1+2", "b"]
    assert [float(row["'-1*edit_similarity"]) for row in rows] == [-1.0] * 7 + [0.0]  # a number stays a number


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("r.txt", r"a file that ends with \.csv or \.jsonl, got '.*r\.txt'"),
        ("absent/r.csv", "The responses .*absent.* cannot be written: No such file or directory"),
        (".", "ends with"),
    ],
)
def test_files_that_cannot_be_written_are_told(tmp_path: Path, path: str, message: str):
    with pytest.raises(ConfigError, match=message):
        write_responses(make(["bleu"]), tmp_path / path)


def test_metadata_that_json_cannot_hold_are_left_out(tmp_path: Path):
    metadata = {"x": object(), "nan": float("nan"), "pair": (1, 2), 3: "three"}
    report = make(["bleu"], [Sample("a", ("b",), metadata), *SAMPLES[1:]])
    report.save(tmp_path / "r.json")
    assert Report.load(tmp_path / "r.json").samples[0].metadata == {"pair": [1, 2], "3": "three"}


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be written: No such file"):
        make(["bleu"]).save(tmp_path / "absent" / "r.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read as JSON"),
        ("[1]", "no report with answers: write one with textgym eval"),
        ('{"scores": []}', "no report with answers"),
        ('{"answers": [], "format": 99}', "has format 99, 1 is known: update textgym"),
        ('{"answers": [], "format": 1}', r"The report is damaged \(KeyError: 'env_id'\)"),
    ],
)
def test_what_is_no_report_is_told(tmp_path: Path, content: str, message: str):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(ConfigError, match=message):
        Report.load(tmp_path / "r.json")
    with pytest.raises(ConfigError, match=r"absent\.json cannot be read"):
        Report.load(tmp_path / "absent.json")


def test_an_unknown_metric_names_the_known_ones():
    with pytest.raises(KeyError, match="has no 'blue', but bleu"):
        make(["bleu"])["blue"]
