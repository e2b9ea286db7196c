"""textgym train-scorer: what is learned and what is written."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from agents.scorers import ScorerConfig, train_scorer
from agents.scorers.examples import read_examples
from tests.agents.scorers.judged import FILLERS, config, write
from tests.rewards.neural.models import save
from textgym import Sample, make_reward
from textgym.cli import main
from textgym.errors import CheckpointError, ConfigError, DataError
from textgym.rewards.neural.source import fingerprint


@pytest.mark.parametrize("reads", ["response", "prompt"])
@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize(
    ("target", "measure"), [("regression", "pearson"), ("classification", "accuracy"), ("pairwise", "accuracy")]
)
def test_a_head_learns_what_people_like(data, encoder, tmp_path, target, measure, head, reads):
    trained = train_scorer(
        config(data, encoder, tmp_path, target, head=head, reads=reads, hidden=16, learning_rate=1e-2)
    )
    assert trained.held_out[measure]["low"] > 0.8
    assert trained.held_out[measure]["low"] <= trained.held_out[measure]["value"] <= trained.held_out[measure]["high"]
    told = json.loads((trained.folder / "scorer.json").read_text())
    assert told["held_out"] == trained.held_out
    assert told["examples"] == trained.sizes
    assert told["encoder"]["fingerprint"] == fingerprint(encoder)
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {"scorer.json", "head.safetensors", "manifest.json"}


def test_the_same_configuration_gives_the_same_bytes(data, encoder, tmp_path):
    for head in ("linear", "mlp"):
        contents = []
        for out in ("one", "two"):
            made = ScorerConfig(data["regression"], str(tmp_path / out), encoder=encoder, head=head, hidden=8)
            folder = train_scorer(made).folder
            contents.append([(folder / name).read_bytes() for name in ("scorer.json", "head.safetensors")])
        assert contents[0] == contents[1]


def test_a_pairwise_head_is_centred(data, encoder, tmp_path):
    trained = train_scorer(config(data, encoder, tmp_path, "pairwise"))
    splits, _ = read_examples(config(data, encoder, tmp_path, "pairwise"))
    reward = make_reward({"name": "scorer", "model": str(trained.folder)})
    both = [*splits["train"].responses, *splits["train"].rejected]
    assert abs(reward.network.numbers(both, None).mean()) < 1e-4


def test_a_pairwise_head_is_centred_after_its_encoder_has_learned(data, encoder, tmp_path):
    made = config(data, encoder, tmp_path, "pairwise", fine_tune=True, encoder_learning_rate=1e-2, epochs=2)
    folder = train_scorer(made).folder
    splits, _ = read_examples(made)
    reward = make_reward({"name": "scorer", "model": str(folder)})
    assert abs(reward.network.numbers([*splits["train"].responses, *splits["train"].rejected], None).mean()) < 1e-3


def test_an_encoder_that_learns_too_does_better_and_is_saved(data, encoder, tmp_path):
    rng = np.random.default_rng(1)  # which of two words comes first is hardly seen in a mean of states
    rows = []
    for _ in range(600):
        nouns = list(rng.permutation(["cat", "dog"]))
        fillers = rng.choice(FILLERS, 6)
        rows.append({"response": " ".join([nouns[0], *fillers, nouns[1]]), "score": str(nouns[0])})
    data = {"classification": write(tmp_path / "order.jsonl", rows)}
    before = fingerprint(encoder)
    plain = train_scorer(config(data, encoder, tmp_path, "classification"))
    learned = train_scorer(
        config(
            data,
            encoder,
            tmp_path,
            "classification",
            fine_tune=True,
            encoder_learning_rate=3e-3,
            epochs=8,
            batch_size=32,
        )
    )
    assert learned.held_out["log loss"]["value"] < plain.held_out["log loss"]["value"]
    assert (learned.folder / "encoder" / "model.safetensors").is_file()
    assert fingerprint(encoder) == before
    reward = make_reward({"name": "scorer", "model": str(learned.folder)})
    scores = reward(["cat fast . no yes a a dog", "dog fast . no yes a a cat"], [Sample("p")] * 2)
    assert scores[1] > scores[0]
    untouched = make_reward({"name": "embedding_similarity", "model": encoder}).network.model
    reference = transformers.AutoModel.from_pretrained(encoder)
    for mine, other in zip(untouched.parameters(), reference.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_what_cannot_be_learned_from_is_told(data, encoder, tmp_path):
    with pytest.raises(DataError, match=r"no column 'scor'. Did you mean 'score'.*--judgment"):
        train_scorer(config(data, encoder, tmp_path, judgment="scor"))
    few = {"regression": write(tmp_path / "few.jsonl", [{"response": "a", "score": 1.0}] * 3)}
    with pytest.raises(DataError, match="at least 10 are needed"):
        train_scorer(config(few, encoder, tmp_path))
    (tmp_path / "only").mkdir()
    shutil.copy(data["regression"], tmp_path / "only" / "test.jsonl")
    with pytest.raises(DataError, match="no split 'train'"):
        train_scorer(ScorerConfig(str(tmp_path / "only"), "out", encoder=encoder))
    rows = [{"response": f"the cat {i}", "score": "good"} for i in range(300)]
    with pytest.raises(DataError, match="same 'score'"):
        train_scorer(
            config({"classification": write(tmp_path / "one.jsonl", rows)}, encoder, tmp_path, "classification")
        )
    with pytest.raises(ConfigError, match="Pairwise"):
        train_scorer(config(data, encoder, tmp_path, "pairwise", reads="references"))
    for wrong in ({"validation": 0.6}, {"epochs": 0}, {"learning_rate": -1.0}):
        with pytest.raises(ConfigError):
            config(data, encoder, tmp_path, **wrong)


def test_the_verb_prints_measures_and_the_reward(data, encoder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "made"
    assert (
        main(["train-scorer", data["pairwise"], "--target", "pairwise", "--encoder", encoder, "--out", str(out)]) == 0
    )
    told = capsys.readouterr().out
    assert "accuracy" in told
    assert "95% interval" in told
    spec = json.loads(told.splitlines()[-1].partition(": ")[2])
    assert make_reward(spec).name == "scorer"
    assert main(["train-scorer", "--help"]) == 0
    assert "--fine_tune" in capsys.readouterr().out
    assert main(["train-scorer", data["pairwise"], "--out", str(out), "--taget", "pairwise"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the stock fell\na cat sat\n")))
    (tmp_path / "refs.txt").write_text("a\nb\n")
    assert main(["score", "--metrics", f"scorer(model={str(out)!r})", str(tmp_path / "refs.txt")]) == 0
    assert "scorer" in capsys.readouterr().out


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("factor", [1e-6, 100.0, 1e20])
def test_the_size_of_scores_changes_nothing(data, encoder, tmp_path, head, factor):
    def trained(path, times):
        rows = [json.loads(line) for line in Path(data["regression"]).read_text().splitlines()]
        scaled = write(tmp_path / f"{path}.jsonl", [row | {"score": times * row["score"] - 3 * times} for row in rows])
        return train_scorer(config({"regression": scaled}, encoder, tmp_path, head=head, hidden=8, learning_rate=1e-2))

    one, other = trained("one", 1.0), trained("other", factor)
    assert other.held_out["pearson"]["value"] == pytest.approx(one.held_out["pearson"]["value"], abs=1e-3)
    error = "mean absolute error"
    assert other.held_out[error]["value"] == pytest.approx(factor * one.held_out[error]["value"], rel=1e-2)


def test_home_is_expanded_and_a_place_that_is_taken_is_told_before_learning(data, encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    made = ScorerConfig(data["regression"], "~/mine", encoder=encoder)
    assert train_scorer(made).folder == tmp_path / "mine"
    assert make_reward({"name": "scorer", "model": "~/mine"}).name == "scorer"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("all of it")
    monkeypatch.setattr("agents.scorers.train.read_examples", None)
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        train_scorer(ScorerConfig(data["regression"], "~/taken", encoder=encoder))


def test_the_encoder_of_a_model_that_writes_can_be_read_and_not_learn(data, tmp_path):
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "vocab_size": 30}
    t5 = save(tmp_path / "t5", transformers.T5Model(transformers.T5Config(**sizes, pad_token_id=0)))
    assert train_scorer(config(data, t5, tmp_path)).held_out["pearson"]["value"] > 0.3
    with pytest.raises(ConfigError, match="can be read and cannot learn"):
        train_scorer(config(data, t5, tmp_path, fine_tune=True))


def test_a_setting_without_its_value_is_told(data, encoder, tmp_path, capsys):
    assert main(["train-scorer", data["regression"], "--encoder", encoder, "--out"]) == 2
    assert "--out needs a value" in capsys.readouterr().err
    assert main(["train-scorer", data["regression"], "--out", str(tmp_path / "x"), "--seed", "-1"]) == 2
    assert "seed must not be negative" in capsys.readouterr().err
