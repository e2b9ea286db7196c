"""What rewards pay for cheap tricks, and whether their documentation says so."""

import json
from dataclasses import replace

import numpy as np
import pytest

from textgym import list_rewards, make_reward, make_task
from textgym.cli import main
from textgym.core import Sample
from textgym.errors import ConfigError, DataError, MissingExtraError, ModelError
from textgym.probes import PROBES, probe
from textgym.registration import rewards

OWN = [name for name in list_rewards() if rewards[name].__module__.startswith("textgym.") and name != "noise"]

FITTING = {"language": "language(target='de')"}  # the task's
LEARNED = ("embedding_similarity", "token_matching")  # an encoder reads what other rewards count
LISTED = ("coverage", "slot_error_rate")  # they read what a sample requires


@pytest.fixture(scope="module")
def samples():
    validation = make_task("translation").samples("validation")
    return [validation[i] for i in range(100)]


def probed(spec, samples):
    return probe(make_reward(spec), samples, np.random.default_rng(0))


def test_a_reward_that_likes_length_is_found_out(samples):
    report = probed("length", samples)
    assert {"one word repeated", "very long"} <= set(report.winners)
    assert report.probes["empty"].median == 0
    assert report.probes["very long"].share == 1.0
    assert report.count == 100


def test_a_penalty_for_length_pays_for_silence(samples):
    assert "empty" in probed("1 - 0.01*length", samples).winners
    assert probed("bleu - 0.01*length", samples).winners == []


def test_an_honest_response_is_another_reference_or_a_damaged_one():
    first, second, third = "one two three four", "ein zwei drei vier", "un deux trois quatre cinq"
    several = [Sample("p", (first, second)), Sample("q", ("", third, first))]
    assert probed("exact_match", several).honest == 0
    equal = [Sample("p", (first, first)), Sample("q", (first, first)), Sample("r", ())]
    report = probed("exact_match", equal)
    assert (report.honest, report.count) == (1, 2)
    assert 0 < probed("bleu", [Sample("p", " ".join(map(str, range(100))))] * 2).honest < 1


def test_too_few_samples_are_refused():
    with pytest.raises(DataError, match="at least two samples with references, got 1 of 2"):
        probed("length", [Sample("p", "a"), Sample("q")])


def _made(name):
    try:
        return make_reward(name)
    except (ConfigError, MissingExtraError, ModelError):
        return None  # it needs options, or a package


@pytest.mark.parametrize("name", OWN)
def test_the_tricks_that_win_are_declared(name, samples):
    reward = _made(FITTING.get(name, name))
    if reward is None:
        pytest.skip("it cannot be made without options")
    if name in LISTED:
        samples = [replace(sample, metadata={"required": sample.references[0].split()[:3]}) for sample in samples]
    if name == "cider":
        reward = replace(reward, documents=samples)
    if name in LEARNED:
        samples = samples[:8]
    report = probe(reward, samples, np.random.default_rng(0))
    assert set(report.winners) <= set(reward.won_by)
    assert set(reward.won_by) <= set(PROBES)


def test_check_prints_a_table_and_is_strict_on_demand(capsys):
    arguments = ["check", "--reward", "length", "--num-samples", "20"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "length on 20 samples; an honest response gets" in text
    assert text.count("WINS") >= 2
    assert "A policy can win by one word repeated, " in text
    assert main([*arguments, "--strict"]) == 1
    assert main(["check", "--reward", "bleu", "--num-samples", "20", "--strict"]) == 0
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["probes"]) == list(PROBES)
    assert "very long" in told["winners"]


@pytest.mark.parametrize("spec", ["0.5*bleu - 0.01*length", "min(chrf, 1)", "tests.rewards.texts:word_count"])
def test_check_takes_an_expression_and_a_path(spec, capsys, monkeypatch):
    monkeypatch.setattr("textgym.permissions._permitted", [])
    assert main(["check", "--reward", spec, "--num-samples", "5"]) == 0
    text = capsys.readouterr().out
    assert f"{spec} on 5 samples; an honest response gets" in text
    assert all(probe in text for probe in PROBES)
    assert f"\n{spec}: " in text


def test_check_takes_samples_of_ones_own(tmp_path, capsys):
    rows = [{"prompt": f"p{i}", "references": ["a b c d", "a b c e"]} for i in range(3)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["check", "--reward", "chrf", "--data", str(tmp_path / "mine.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 3
    assert main(["check", "--reward", "chrff"]) == 2
    assert main(["check", "--reward", "chrf", "--num-samples", "1"]) == 2
    assert main(["check", "--reward", "chrf", "--task", "nope"]) == 2
