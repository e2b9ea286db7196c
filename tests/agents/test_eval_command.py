"""``textgym eval``: ways to answer, arguments of the environment, files, and one run against another."""

import json
from pathlib import Path

import pytest

from agents import PPO, Report, TransformerPolicy, evaluate, make_vec_env, measure_drift
from agents.commands import evaluate as command
from agents.commands.evaluating import split_settings
from agents.config.run_config import RunConfig
from agents.runs.run_folder import RunFolder
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ConfigError

ENV = "test/Letters-v0"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two run folders with a checkpoint each, as training leaves them."""
    folders = []
    for seed in (0, 1):
        path = tmp_path_factory.mktemp("runs") / f"run-{seed}"
        run = RunFolder.create(path, RunConfig(ENV, env_kwargs={"reward": "edit_similarity"}), {})
        envs = make_vec_env(ENV, num_envs=4)
        algorithm = PPO(TransformerPolicy, envs, batch_size=12, policy_kwargs={"model": MODELS["gpt2"]}, seed=seed)
        sharpen(algorithm.policy)
        algorithm.save(run.checkpoints / "reinforcement")
        folders.append(path)
    return folders[0], folders[1]


def said(capsys, *arguments):
    assert command([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_decodings_are_those_of_the_library(runs, capsys):
    for decoding in ("beam(num_beams=3)", "best_of(n=2, reward='bleu')", "sampled(temperature=0.5)"):
        found = json.loads(said(capsys, runs[0], "--decoding", decoding, "--seed", "2", "--json"))
        policy = str(RunFolder(runs[0]).last_checkpoint())
        assert found == json.loads(json.dumps(evaluate(policy, ENV, decoding=decoding, seed=2).to_json()))
    text = said(capsys, runs[0], "--decoding", "best_of(n=2)")
    assert "best of 2, sampled at temperature 1, chosen by edit_similarity" in text
    assert "all samples, none chosen" in text


def test_arguments_of_the_environment_are_given_as_in_training(runs, capsys):
    found = json.loads(said(capsys, runs[0], "--env_kwargs.reward", "0.5*bleu + 0.5*chrf", "--json"))
    assert [score["name"] for score in found["scores"]] == ["0.5*bleu + 0.5*chrf"]
    assert json.loads(said(capsys, runs[0], "--env-kwargs={reward: bleu}", "--json"))["scores"][0]["name"] == "bleu"
    assert split_settings(["x", "--env_kwargs.a.b", "1e-3", "--env_kwargs.flag", "--json"]) == (
        ["x", "--json"],
        {"a": {"b": 1e-3}, "flag": True},
    )


def test_every_response_and_the_report_are_written(runs, tmp_path, capsys):
    said(capsys, runs[0], "--responses", tmp_path / "r.csv", "--report", tmp_path / "r.json")
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 9
    report = Report.load(tmp_path / "r.json")
    assert report == evaluate(str(RunFolder(runs[0]).last_checkpoint()), ENV)


def test_one_run_against_another_and_against_a_report(runs, tmp_path, capsys):
    text = said(capsys, runs[0], "--against", runs[1], "--rewards", "edit_similarity,bleu")
    assert "first less second" in text
    assert "paired bootstrap (Koehn, 2004), 1,000 resamples of 8 samples, seed 0, p two-sided" in text
    said(capsys, runs[1], "--report", tmp_path / "b.json")
    live = json.loads(said(capsys, runs[0], "--against", runs[1], "--json"))
    read = json.loads(said(capsys, runs[0], "--against", tmp_path / "b.json", "--json"))
    assert live == read
    difference = live["comparison"]["differences"][0]
    assert difference["difference"] == pytest.approx(
        live["scores"][0]["corpus"] - live["against"]["scores"][0]["corpus"]
    )
    with pytest.raises(ConfigError, match="The reports answer 3 and 8 samples"):
        command([str(runs[0]), "--against", str(tmp_path / "b.json"), "--num-samples", "3"])


def test_drift_is_that_of_the_library(runs, capsys):
    one, other = (str(RunFolder(run).last_checkpoint()) for run in runs)
    expected = measure_drift(one, other, ENV, split="test", decoding="sampled", seed=4)
    arguments = (runs[0], "--drift-from", runs[1], "--sampled", "--seed", "4")
    assert json.loads(said(capsys, *arguments, "--json"))["drift"] == json.loads(json.dumps(expected.to_json()))
    assert f"kl per response    {expected.kl_per_response.value:.4f} [" in said(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--decoding", "beem"], "There is no decoding 'beem'"),
        (["--decoding", "beam(num_beams=0)"], "num_beams must be at least 1"),
        (["--sampled", "--decoding", "beam"], "--sampled is short for --decoding sampled"),
        (["--responses", "x.txt"], r"a file that ends with \.csv or \.jsonl, got 'x\.txt'"),
        (["--responses", "/absent/x.csv"], r"/absent/x\.csv cannot be written: there is no folder /absent"),
        (["--report", "x.txt"], r"a file that ends with \.json, got 'x\.txt'"),
        (["--report", "/absent/x.json"], r"/absent/x\.json cannot be written: there is no folder"),
        (["--against", "/absent/x.json"], r"/absent/x\.json cannot be read"),
        (["--env_kwargs.split", "train"], r"env_kwargs\.split is not for an evaluation.*: use --split"),
        (["--env_kwargs.rewrd", "bleu"], "'rewrd'"),
        (["--env_kwargs.max_new_tokens", "4"], "The policy was made for TokenSpace"),
        (["--env_kwargs", "3"], "env_kwargs must be a mapping"),
    ],
)
def test_what_cannot_work_is_told(runs, arguments, message):
    with pytest.raises(ConfigError, match=message):
        command([str(runs[0]), *arguments])
