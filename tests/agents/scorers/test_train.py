"""textgym train-scorer: what is learned, what is written, what the reward makes of it, and words for bad data."""

import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from agents.scorers import ScorerConfig, train_scorer
from agents.scorers.examples import read_examples
from agents.scorers.heads import Features, _minimise, _Tensors, fit_head
from tests.rewards.neural.models import bert, save
from textgym import Sample, make_reward
from textgym.cli import main
from textgym.errors import CheckpointError, ConfigError, DataError, ModelError
from textgym.rewards.neural.head import Head
from textgym.rewards.neural.network import _loaded
from textgym.rewards.neural.source import fingerprint

NOUNS = ["cat", "mat", "dog", "stock", "prices"]
VERBS = ["sat", "ran", "fell"]
FILLERS = ["fast", ".", ",", "no", "yes", "not", "on", "a", "stock", "prices"]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "encoder", bert(transformers.BertModel, spread=0.05))


def sentence(rng):
    words = [
        str(rng.choice(["the", "a"])),
        str(rng.choice(NOUNS)),
        str(rng.choice(VERBS)),
        str(rng.choice(["fast", "."])),
    ]
    return " ".join(words), float(words[1] in ("stock", "prices")) + 0.5 * float(words[2] == "fell")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def data(tmp_path):
    """Three files of made-up judgments: stock prices that fall are liked best."""
    rng = np.random.default_rng(0)
    found = [sentence(rng) for _ in range(400)]
    numbers = [{"response": f"{t} {i % 2 * 'no '}", "prompt": f"p{i}", "score": s} for i, (t, s) in enumerate(found)]
    labels = [row | {"score": "money" if row["score"] >= 1 else "animals"} for row in numbers]
    pairs = []
    for one, other in zip(numbers[::2], numbers[1::2], strict=True):
        better, worse = sorted((one, other), key=lambda row: -row["score"])
        if better["score"] > worse["score"]:
            pairs.append({"prompt": one["prompt"], "response": better["response"], "rejected": worse["response"]})
    files = {"regression": numbers, "classification": labels, "pairwise": pairs}
    return {target: write(tmp_path / f"{target}.jsonl", rows) for target, rows in files.items()}


def config(data, encoder, tmp_path, target="regression", **options):
    return ScorerConfig(data[target], str(tmp_path / "scorer"), target, encoder=encoder, test=0.2, **options)


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


@pytest.mark.parametrize("target", ["regression", "classification", "pairwise"])
def test_the_reward_gives_what_the_head_says(data, encoder, tmp_path, target):
    trained = train_scorer(config(data, encoder, tmp_path, target))
    reward = make_reward({"name": "scorer", "model": str(trained.folder)})
    texts = ["the stock fell fast", "a cat sat .", "the prices fell .", " "]
    scores = reward(texts, [Sample("p", ("a",))] * len(texts))
    assert scores[0] > scores[1]
    assert scores[2] > scores[1]
    assert scores[3] == reward.bounds[0]
    assert reward.bounds == ((0.0, 1.5) if target == "regression" else (0.0, 1.0))
    numbers = reward.network.numbers(texts[:3], None)
    if target == "regression":
        expected = np.clip(numbers[:, 0], 0, 1.5)
    elif target == "pairwise":
        expected = 1 / (1 + np.exp(-numbers[:, 0]))
    else:  # labels in the order of the alphabet, the last one by default
        expected = np.exp(numbers[:, 1]) / np.exp(numbers).sum(1)
        other = make_reward({"name": "scorer", "model": str(trained.folder), "label": "animals"})
        np.testing.assert_allclose(other(texts[:3], [Sample("p")] * 3), 1 - expected, atol=1e-9)
    np.testing.assert_allclose(scores[:3], expected, atol=1e-9)
    assert f"target:{target}" in reward.signature
    assert "model:scorer@" in reward.signature
    assert str(tmp_path) not in reward.signature


def test_the_same_configuration_gives_the_same_bytes(data, encoder, tmp_path):
    for head in ("linear", "mlp"):
        contents = []
        for out in ("one", "two"):
            made = ScorerConfig(data["regression"], str(tmp_path / out), encoder=encoder, head=head, hidden=8)
            folder = train_scorer(made).folder
            contents.append([(folder / name).read_bytes() for name in ("scorer.json", "head.safetensors")])
        assert contents[0] == contents[1]


def test_a_linear_regression_is_the_closed_form_of_ridge():
    rng = np.random.default_rng(0)
    rows, judgments, decay = rng.normal(size=(50, 4)), rng.normal(size=50), 0.1
    network = torch.nn.Sequential(torch.nn.Linear(4, 1, dtype=torch.float64))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    _minimise(network, _Tensors(torch.from_numpy(rows), None, torch.from_numpy(judgments)), decay, "regression")
    wide = np.column_stack([rows, np.ones(50)])
    penalty = np.diag([decay * 50] * 4 + [0.0])
    expected = np.linalg.solve(wide.T @ wide + penalty, wide.T @ judgments)
    found = np.append(network[0].weight.detach().numpy()[0], network[0].bias.detach().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_validation_chooses_the_regularisation():
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(30, 25)), rng.normal(size=30)
    useless = Features(rows, None, noise), Features(rng.normal(size=(30, 25)), None, rng.normal(size=30))
    weights = rng.normal(size=25)
    lawful = Features(rows, None, rows @ weights), Features(rows[::-1] * 0.9, None, rows[::-1] @ weights * 0.9)
    made = ScorerConfig("a", "b")
    sizes = [float(np.abs(fit_head(*pair, 1, made).layers[0][0]).sum()) for pair in (useless, lawful)]
    assert sizes[0] < 0.3 * sizes[1]


def test_a_pairwise_head_is_centred(data, encoder, tmp_path):
    trained = train_scorer(config(data, encoder, tmp_path, "pairwise"))
    splits, _ = read_examples(config(data, encoder, tmp_path, "pairwise"))
    reward = make_reward({"name": "scorer", "model": str(trained.folder)})
    both = [*splits["train"].responses, *splits["train"].rejected]
    assert abs(reward.network.numbers(both, None).mean()) < 1e-4


def test_a_head_is_read_as_it_was_saved():
    rng = np.random.default_rng(0)
    head = Head(
        rng.normal(size=3), np.ones(3), ((rng.normal(size=(3, 2)), np.zeros(2)), (rng.normal(size=(2, 1)), np.ones(1)))
    )
    rows = rng.normal(size=(5, 3)).astype(np.float32)
    again = Head.of_arrays(head.arrays())
    np.testing.assert_allclose(again(rows), head(rows), rtol=1e-5)
    by_hand = np.maximum((rows - head.mean) @ head.layers[0][0], 0) @ head.layers[1][0] + 1
    np.testing.assert_allclose(head(rows), by_hand)


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


def test_rows_about_the_same_text_stay_in_one_split(data, encoder, tmp_path):
    splits, _ = read_examples(config(data, encoder, tmp_path))
    seen = [set(split.responses) for split in splits.values()]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])
    assert sum(map(len, splits.values())) == 400


def test_pairs_that_share_a_response_stay_in_one_split(encoder, tmp_path):
    rng = np.random.default_rng(0)
    rows = [{"response": f"c{i}", "rejected": f"c{i + 1}" if rng.random() < 0.7 else f"r{i}"} for i in range(600)]
    rows = [row | {"prompt": "p"} for row in rows]
    data = {"pairwise": write(tmp_path / "chains.jsonl", rows)}
    splits, _ = read_examples(config(data, encoder, tmp_path, "pairwise"))
    seen = [{*split.responses, *split.rejected} for split in splits.values()]
    assert seen[0].isdisjoint(seen[1] | seen[2])
    assert seen[1].isdisjoint(seen[2])
    assert sum(map(len, splits.values())) == 600
    assert len(set(splits["train"].subjects)) > 50


def test_a_label_that_only_one_split_has_is_a_label(encoder, tmp_path):
    rows = [{"response": f"the cat {i}", "score": ("a", "b")[i % 2]} for i in range(800)]
    rows += [{"response": "a rare one", "score": "rare"}]
    for seed in range(3):
        made = config(
            {"classification": write(tmp_path / "rare.jsonl", rows)}, encoder, tmp_path, "classification", seed=seed
        )
        assert read_examples(made)[1] == ["a", "b", "rare"]


def test_splits_that_are_there_are_used(data, encoder, tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    rows = (tmp_path / "regression.jsonl").read_text().splitlines(keepends=True)
    parts = {"train": rows[:300], "validation": rows[300:350], "test": rows[350:]}
    for name, part in parts.items():
        (folder / f"{name}.jsonl").write_text("".join(part))
    splits, _ = read_examples(ScorerConfig(str(folder), "out", encoder=encoder))
    assert {name: len(split) for name, split in splits.items()} == {name: len(part) for name, part in parts.items()}


def test_a_changed_encoder_is_refused(data, encoder, tmp_path):
    mine = shutil.copytree(encoder, tmp_path / "mine")
    trained = train_scorer(config(data, str(mine), tmp_path))
    (mine / "config.json").write_text((mine / "config.json").read_text() + " ")
    with pytest.raises(ModelError, match="train it anew"):
        make_reward({"name": "scorer", "model": str(trained.folder)})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "scorer.json").unlink(), "has no scorer.json"),
        (lambda folder: (folder / "scorer.json").write_text("{"), "cannot be read: JSONDecodeError"),
        (lambda folder: (folder / "head.safetensors").unlink(), "cannot be read: FileNotFoundError"),
        (lambda folder: (folder / "head.safetensors").write_bytes(b"12"), "cannot be read: SafetensorError"),
        (lambda folder: change(folder, format=99), "update textgym"),
        (lambda folder: change(folder, target="fun"), "lacks a part"),
        (lambda folder: change(folder, target="classification", labels=["a", "b"]), "do not belong together"),
        (lambda folder: change(folder, range=None), "cannot be read: TypeError"),
        (lambda folder: change(folder, encoder={"model": "minilm"}), "cannot be read: KeyError"),
        (lambda folder: change(folder, encoder="minilm"), "cannot be read: TypeError"),
        (lambda folder: change(folder, reads="prompt"), "do not belong together"),
        (lambda folder: change(folder, pooling="max"), "do not belong together"),
    ],
)
def test_a_broken_scorer_is_told(data, encoder, tmp_path, spoil, words):
    folder = train_scorer(config(data, encoder, tmp_path)).folder
    spoil(folder)
    with pytest.raises(ModelError, match=words):
        make_reward({"name": "scorer", "model": str(folder)})


def change(folder, **values):
    told = json.loads((folder / "scorer.json").read_text())
    (folder / "scorer.json").write_text(json.dumps(told | values))


@pytest.mark.parametrize(
    ("target", "row", "words"),
    [
        ("regression", {"score": None}, "row 3: 'score' must be a finite number of at most 1e\\+30, got None"),
        ("regression", {"score": "high"}, "row 3: 'score' must be a finite number of at most 1e\\+30, got 'high'"),
        ("regression", {"score": 1e200}, "row 3: 'score' must be a finite number of at most 1e"),
        ("regression", {"response": ["one", "two"]}, "row 3: 'response' holds 2 texts"),
        ("classification", {"score": " "}, "row 3: 'score' must be a label"),
        ("classification", {"score": ["money"]}, "row 3: 'score' must be a label"),
        ("classification", {"score": 3}, "text in some rows and numbers in others"),
        ("pairwise", {"rejected": 3}, "row 3: 'rejected' must be text"),
        ("regression", {"response": ""}, r"bad.jsonl:4: the prompt \('response'\) is blank"),
    ],
)
def test_a_bad_row_is_told(data, encoder, tmp_path, target, row, words):
    rows = [json.loads(line) for line in Path(data[target]).read_text().splitlines()]
    rows[3] |= row
    with pytest.raises(DataError, match=words) as told:
        train_scorer(config({target: write(tmp_path / "bad.jsonl", rows)}, encoder, tmp_path, target))
    assert "bad.jsonl" in str(told.value)


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


def test_references_are_read_one_by_one_and_the_best_counts(data, encoder, tmp_path):
    rows = [json.loads(line) for line in Path(data["regression"]).read_text().splitlines()]
    rows = [row | {"reference": f"a cat {i}"} for i, row in enumerate(rows)]
    one = {"regression": write(tmp_path / "one.jsonl", rows)}
    made = config(one, encoder, tmp_path, reads="references", other="reference")
    splits, _ = read_examples(made)
    assert all(text.startswith("a cat ") for text in splits["train"].others)
    reward = make_reward({"name": "scorer", "model": str(train_scorer(made).folder)})
    assert reward.needs_references
    pair = [Sample("p", ("a cat", "the stock fell"))] + [Sample("p", (text,)) for text in ("a cat", "the stock fell")]
    scores = reward(["the dog ran"] * 3, pair)
    assert scores[0] == pytest.approx(max(scores[1:]), abs=1e-6)
    many = [row | {"reference": ["a", "b"]} for row in rows]
    several = {"regression": write(tmp_path / "many.jsonl", many)}
    with pytest.raises(DataError, match="'reference' holds 2 texts: give each a row of its own"):
        train_scorer(config(several, encoder, tmp_path, reads="references", other="reference"))


def test_a_pickled_reward_refuses_what_was_written_since(data, encoder, tmp_path):
    folder = train_scorer(config(data, encoder, tmp_path)).folder
    reward = make_reward({"name": "scorer", "model": str(folder)})
    first = reward(["the stock fell"], [Sample("p")])
    pickled = pickle.dumps(reward)
    train_scorer(config(data, encoder, tmp_path, head="mlp", hidden=4))
    np.testing.assert_array_equal(reward(["the stock fell"], [Sample("p")]), first)  # what it was made with
    assert make_reward({"name": "scorer", "model": str(folder)}).signature != reward.signature
    _loaded.cache_clear()  # as in another process
    with pytest.raises(ModelError, match="written anew since"):
        pickle.loads(pickled)(["the stock fell"], [Sample("p")])


def test_an_encoder_is_found_from_elsewhere_and_missed_by_name(data, encoder, tmp_path, monkeypatch):
    shutil.copytree(encoder, tmp_path / "here" / "enc")
    monkeypatch.chdir(tmp_path / "here")
    folder = train_scorer(config(data, "enc", tmp_path)).folder
    monkeypatch.chdir(tmp_path)
    assert make_reward({"name": "scorer", "model": str(folder)}).name == "scorer"
    shutil.rmtree(tmp_path / "here" / "enc")
    with pytest.raises(ModelError, match=r"scorer in .* needs the encoder .*enc', with which it was trained"):
        make_reward({"name": "scorer", "model": str(folder)})


def test_a_lost_encoder_of_its_own_is_told(data, encoder, tmp_path):
    trained = train_scorer(config(data, encoder, tmp_path, fine_tune=True, epochs=1))
    assert trained.epoch in (0, 1)
    assert json.loads((trained.folder / "scorer.json").read_text())["epoch"] == trained.epoch
    shutil.rmtree(trained.folder / "encoder")
    with pytest.raises(ModelError, match="lacks its folder 'encoder'"):
        make_reward({"name": "scorer", "model": str(trained.folder)})


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


def test_labels_are_named_by_text_or_number_and_equal_scores_are_refused(encoder, tmp_path):
    rows = [{"response": f"the {NOUNS[i % 5]} {i}", "score": i % 2} for i in range(400)]
    data = {"classification": write(tmp_path / "numbers.jsonl", rows)}
    folder = train_scorer(config(data, encoder, tmp_path, "classification")).folder
    one, other = (make_reward({"name": "scorer", "model": str(folder), "label": label}) for label in (1, "1"))
    np.testing.assert_array_equal(one(["the cat"], [Sample("p")]), other(["the cat"], [Sample("p")]))
    with pytest.raises(ConfigError, match="no label '7'"):
        make_reward({"name": "scorer", "model": str(folder), "label": 7})
    alike = {"regression": write(tmp_path / "alike.jsonl", [row | {"score": 0.5} for row in rows])}
    with pytest.raises(DataError, match="same 'score'"):
        train_scorer(config(alike, encoder, tmp_path))


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
