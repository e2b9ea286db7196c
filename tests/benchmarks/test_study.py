"""A study runs each of its cells once, from one warm start, and goes on where it was interrupted."""

import contextlib
import io
import json
from pathlib import Path

import pytest
import torch

from benchmarks.multi30k_study import A2C, COMMON, LEARNERS, WARM_START
from benchmarks.study import Cell, Runner, Study
from benchmarks.study_table import study_table
from benchmarks.textgym_command import Stopped, TextgymCommand
from tests.agents.tiny import MODELS
from textgym.cli import find_command

TINY = f"""
env: tests.agents.tiny:test/Letters-v0
num_envs: 8
model: {json.dumps(MODELS["gpt2"])}
warm_start: {{learning_rate: 3e-3, batch_size: 8, total_timesteps: 400, evaluate_every: 10, patience: 3}}
reinforcement: {{total_timesteps: 300, options: {{learning_rate: 1e-2, batch_size: 32}}}}
evaluation: {{num_samples: 8, curve_samples: 8, examples: 0}}
"""


class InProcess:
    """Runs verbs here, which is quicker, and remembers them."""

    def __init__(self, fails_on: str = "nothing") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fails_on = fails_on

    def __call__(self, *arguments: str) -> str:
        self.calls.append(arguments)
        if any(self.fails_on in argument for argument in arguments):
            raise RuntimeError("asked for")
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert find_command(arguments[0])(list(arguments[1:])) == 0
        return said.getvalue()


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "tiny.yaml").write_text(TINY)
    torch.set_num_threads(1)
    return Study(
        runs=tmp_path / "runs",
        results=tmp_path / "results" / "lines.jsonl",
        common={"config": str(tmp_path / "tiny.yaml")},
        warm_start={},
        learners={
            "A2C": {"reinforcement.algorithm": "A2C", "reinforcement.options": "{learning_rate: 1e-2}"},
            "constant reward": {"reinforcement.constant_reward": "true"},
        },
        seeds=(0, 1),
    )


def test_every_cell_runs_once_and_the_table_tells_all(study: Study) -> None:
    textgym = InProcess()
    assert Runner(study, textgym).run(jobs=1)
    trained = [call for call in textgym.calls if call[0] == "train"]
    assert len(trained) == 5
    assert all(str(study.warm_checkpoint) in call for call in trained[1:])

    lines = {(line["cell"], line["seed"]): line for line in study.lines()}
    assert len(lines) == len(study.lines()) == 5
    warm = lines["warm start", 0]["measured"]["test"]["sampled"]
    assert warm["drift"]["kl_per_response"] == [0, 0, 0]
    assert "comparison" not in warm
    for (name, _), line in lines.items():
        assert line["tokens"] >= 300
        for split in ("validation", "test"):
            greedy, sampled = line["measured"][split]["greedy"], line["measured"][split]["sampled"]
            assert (greedy["split"], greedy["mode"], sampled["mode"]) == (split, "greedy", "sampled at temperature 1")
            assert sampled["drift"]["entropy_per_token"][0] > 0
            if name != "warm start":
                assert sampled["drift"]["kl_per_response"][0] > 0
                assert [one["name"] for one in sampled["comparison"]["differences"]] == ["bleu", "chrf"]

    assert Runner(study, again := InProcess()).run(jobs=1)
    assert again.calls == []
    table = study_table(study).splitlines()
    assert [row.split(" |")[0] for row in table if row.startswith("| ") and "BLEU" not in row][:5] == [
        "| warm start",
        "| A2C, 2 seeds",
        "| A2C, seed 0",
        "| A2C, seed 1",
        "| constant reward, 2 seeds",
    ]
    greedy = warm["mean_length"]
    assert f" {greedy:.1f} |" in next(row for row in table[table.index("test") :] if row.startswith("| warm start"))
    assert len({row.count("|") for row in table if row.startswith("|")}) == 1


def test_a_finished_warm_start_is_adopted_and_an_unfinished_run_goes_on(study: Study) -> None:
    textgym = InProcess(fails_on="constant")
    assert not Runner(study, textgym).run(jobs=1)  # the others are run all the same
    assert {line["cell"] for line in study.lines()} == {"warm start", "A2C"}
    study.results.unlink()
    evaluation = study.runs / "A2C-seed-1" / "evaluation.json"
    stored = json.loads(evaluation.read_text())
    cut = {name: row for name, row in stored["rows"].items() if name != "A2C"}
    evaluation.write_text(json.dumps(stored | {"rows": cut}))
    (study.runs / "A2C-seed-1" / "responses" / "A2C.json").unlink()
    again = InProcess(fails_on="constant")
    assert not Runner(study, again).run(jobs=1)
    assert {(line["cell"], line["seed"]) for line in study.lines()} == {("warm start", 0), ("A2C", 0), ("A2C", 1)}
    trained = [call for call in again.calls if call[0] == "train"]
    assert [call[1:] for call in trained if "--resume" in call] == [("--resume", str(study.runs / "A2C-seed-1"))]
    assert [call[-1] for call in trained if "--resume" not in call] == [
        str(study.runs / Cell("constant reward", seed).folder) for seed in (0, 1)
    ]
    assert json.loads(evaluation.read_text())["rows"] == stored["rows"]


def test_the_settings_of_multi30k_are_those_of_textgym_train() -> None:
    study = Study(Path("runs"), Path("lines"), COMMON, WARM_START, LEARNERS)
    assert len(study.cells()) == 9
    assert study.cells()[:4] == [Cell("PPO", 0), Cell("A2C", 0), Cell("constant reward", 0), Cell("PPO", 1)]
    told = InProcess()
    for cell in (Cell("warm start"), *study.cells()[:3]):
        settings = [part for key, value in study.settings(cell).items() for part in (f"--{key}", value)]
        printed = told("train", *settings, "--print_config")
        assert "max_seconds: null" in printed
        assert "max_seconds: 1800" not in printed
        if cell.name == "A2C":
            assert "batch_size: 1500" not in printed
            assert f"num_envs: {A2C['num_envs']}" in printed


def test_a_command_gives_its_output_or_says_why_not() -> None:
    textgym = TextgymCommand()
    assert "textgym/Translation-v0" in textgym("list")
    with pytest.raises(RuntimeError, match=r"textgym lst failed with 2: error: There is no verb 'lst'"):
        textgym("lst")


def test_a_deadline_and_a_stop_end_what_runs() -> None:
    with pytest.raises(Stopped):
        TextgymCommand(minutes=0.002)("demo")
    stopped = TextgymCommand()
    stopped.stop()
    with pytest.raises(Stopped):
        stopped("list")
