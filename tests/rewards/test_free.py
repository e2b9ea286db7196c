"""Rewards that need no reference, each against values worked out by hand or by the library that defines it."""

import copy
import itertools
import math
import pickle
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.lm import NgramCounter
from nltk.lm.preprocessing import pad_both_ends
from nltk.util import ngrams

from tests.rewards.texts import TEXTS, fuzz
from textgym import make_task
from textgym.core import Sample
from textgym.errors import ConfigError, DataError, MissingExtraError
from textgym.rewards import language, make_reward, profanity, sentiment
from textgym.rewards.fluency import Fluency
from textgym.rewards.judge import judge
from textgym.rewards.ngram_model import NgramModel

LINES = ["the cat sat on the mat", "a dog sat on a rug", "the dog ran", "the cat ran on the rug"] * 2
SPECS = [
    "length",
    "length(unit='character')",
    "distinct(n=1)",
    "distinct(unit='character')",
    "repetition(n=2)",
    "copying(n=1)",
    "novelty(n=2, unit='character')",
    "readability",
    "readability(index='coleman_liau')",
    "readability(index='lix')",
    "sentiment",
    "profanity",
    "language(target='de')",
    "language(target='en', among=['de', 'fr'])",
    "noise(std=2.0, seed=3)",
]


def score(spec, response, prompt=""):
    return float(make_reward(spec)([response], [Sample(prompt)])[0])


@pytest.mark.parametrize(
    ("spec", "response", "expected"),
    [
        ("length", "a b  c\n", 3),
        ("length(unit='character')", "ab \n c", 3),
        ("length", "你好 世界", 2),
        ("distinct", "a b a b", 2 / 3),
        ("distinct(n=1)", "a b a b", 0.5),
        ("distinct", "a", 0),
        ("distinct(unit='character', n=1)", "ababab", 1 / 3),
        ("repetition", "a b c d a b c d", 1 / 5),
        ("repetition(n=1)", "a a a a", 0.75),
        ("repetition", "a b c", 0),
        ("copying(n=2)", "The Cat sat here", 2 / 3),
        ("copying(n=2)", "dogs ran off", 0),
        ("copying", "the cat", 0),
        ("novelty(n=2)", "The cat sat here", 1 / 3),
        ("novelty(n=2)", "dogs ran off", 1),
        ("novelty", "the cat", 0),
        ("profanity", "you bastard, go away", 1 / 4),
        ("profanity", "B@ST4RD", 1),
        ("profanity", "What a bull shit!", 1 / 2),
        ("profanity", "a cat sat on 4 mats", 0),
        ("profanity", "classic assessment", 0),
        ("readability", "The cat sat on the mat. It was a very comfortable mat.", 4.71 * 41 / 12 + 0.5 * 6 - 21.43),
        ("readability(index='coleman_liau')", "The cat sat. It ran off!", 5.88 * 17 / 6 - 29.6 * 2 / 6 - 15.8),
        ("readability(index='lix')", "The cat sat on the mat. It was a very comfortable mat.", 14.3333),  # as textstat
        ("readability(index='lix')", "Costs 3.5 euros today", 5),
        ("readability(index='lix')", "猫坐。狗跑。", 1),
        ("readability", "... !", 0),
        *((spec, blank, 0) for spec in SPECS if "noise" not in spec for blank in ("", " \n")),
    ],
)
def test_values_worked_out_by_hand(spec, response, expected):
    assert score(spec, response, "the cat sat on the mat") == pytest.approx(expected, abs=1e-4)


@fuzz
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_any_text_gets_a_score_within_bounds(responses, prompt):
    samples = [Sample(prompt)] * len(responses)
    for spec in SPECS:
        judge(make_reward(spec), responses, samples)  # refuses what is not finite or out of bounds


@pytest.mark.parametrize("spec", SPECS)
def test_ten_thousand_words_and_one_endless_word(spec):
    texts = ["but good " * 5_000, "x" * 100_000, "\U0001f600" * 5_000, "a. " * 10_000]
    judge(make_reward(spec), texts, [Sample("a b c")] * 4)


@pytest.mark.parametrize("spec", SPECS)
def test_rewards_pickle_copy_and_sign(spec):
    reward = make_reward(spec)
    texts = ["Das ist ein sehr guter Satz.", "the cat", ""]
    samples = [Sample("the cat sat")] * 3
    for twin in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward)):
        assert twin == reward
        assert (twin(texts, samples) == reward(texts, samples)).all()
    assert spec.partition("(")[0] in reward.signature


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("length(unit='wrd')", "The unit of length cannot be 'wrd'. Did you mean 'word'?"),
        ("distinct(n=0)", "The n of distinct must be at least 1, got 0."),
        ("repetition(n=1.5)", "n must be a whole number, got 1.5 (float)."),
        ("novelty(n='2')", "n must be a whole number"),
        ("readability(index='flesch')", "Readability has no index 'flesch'."),
        ("language(target='deu')", "The reward 'language' does not know 'deu'. Did you mean 'eu'?"),
        ("language(target='de', among=['xx'])", "does not know 'xx'"),
        ("noise(std=-1)", "The std of noise must be finite and at least 0, got -1."),
        ("noise(seed=0.5)", "seed must be a whole number"),
        ("fluency", "learns from a file or from a task: fluency(text='lines.txt') or fluency(task='translation')"),
        ("fluency(task='translation', k=0)", "The k of fluency must be finite and above 0, got 0."),
        ("fluency(task='translation', order=0)", "The order of fluency must be at least 1, got 0."),
        ("fluency(task='trnslation')", "Unknown task 'trnslation'. Did you mean 'translation'?"),
    ],
)
def test_senseless_options_are_refused(spec, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_reward(spec)


def test_sentiment_is_that_of_vader():
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    texts = [
        "VADER is smart, handsome, and funny!",
        "It was horrible.",
        "The plot was good, but it is bad.",
        ":)",
    ]
    expected = [analyzer.polarity_scores(text)["compound"] for text in texts]
    assert make_reward("sentiment")(texts, [Sample("")] * 4).tolist() == expected
    assert expected[0] > 0.8 > 0 > expected[1]


def test_language_is_that_of_py3langid():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = ["Das ist ein sehr guter Satz.", "This is a very good sentence.", "C'est une très bonne phrase.", "ok"]
    expected = [dict(identifier.rank(text))["de"] for text in texts]
    assert make_reward("language(target='de')")(texts, [Sample("")] * 4) == pytest.approx(expected, abs=1e-9)
    assert expected[0] > 0.9 > 0.01 > expected[1]
    identifier.set_languages(["de", "en"])
    expected = [dict(identifier.rank(text))["de"] for text in texts]
    assert make_reward("language(target='de', among=['en'])")(texts, [Sample("")] * 4) == pytest.approx(
        expected, abs=1e-9
    )


def test_a_word_list_of_ones_own(tmp_path):
    (tmp_path / "words.txt").write_text("\ufeffmist\nzum  Teufel\n\n", encoding="utf-8")
    spec = f"profanity(words={str(tmp_path / 'words.txt')!r})"
    assert score(spec, "So ein MIST, zum Teufel!") == 3 / 5
    assert "data:" in make_reward(spec).signature
    (tmp_path / "words.txt").write_text("\n")
    with pytest.raises(DataError, match="has no words"):
        make_reward(spec)
    with pytest.raises(DataError, match=r"Cannot read the words .*nowhere\.txt"):
        make_reward("profanity(words='nowhere.txt')")


@pytest.mark.parametrize(
    ("module", "load", "spec", "package"),
    [
        (language, "_load", "language(target='de')", "py3langid"),
        (sentiment, "_load", "sentiment", "vaderSentiment"),
        (profanity, "_packaged", "profanity", "better_profanity"),
    ],
)
def test_a_missing_package_is_told_when_the_reward_is_made(monkeypatch, module, load, spec, package):
    names = [name for name in sys.modules if name.partition(".")[0] == package]
    for name in {*names, package, f"{package}.{package}", f"{package}.langid"}:
        monkeypatch.setitem(sys.modules, name, None)
    getattr(module, load).cache_clear()
    with pytest.raises((MissingExtraError, ConfigError), match=r'not installed: pip install "textgym\[metrics\]"'):
        make_reward(spec)
    getattr(module, load).cache_clear()


# --- noise -----------------------------------------------------------------------------------------------------------


def test_noise_depends_on_the_text_alone():
    reward = make_reward("noise(std=0.5, seed=1)")
    texts, samples = [f"text {i}" for i in range(2000)], [Sample(f"prompt {i % 3}") for i in range(2000)]
    values = reward(texts, samples)
    order = np.random.default_rng(0).permutation(2000)
    assert (reward([texts[i] for i in order], [samples[i] for i in order]) == values[order]).all()
    assert (make_reward("noise(std=0.5, seed=2)")(texts, samples) != values).mean() > 0.99
    assert (reward(texts, [Sample("another")] * 2000) != values).mean() > 0.99
    assert abs(values.mean()) < 4 * 0.5 / math.sqrt(2000)
    assert values.std() == pytest.approx(0.5, rel=0.1)
    assert len(set(values.tolist())) == 2000
    assert values[0] == pytest.approx(0.35657240703481075, abs=1e-12)  # in every process and on every machine


# --- fluency ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_model_has_the_counts_of_nltk_and_sums_to_one(order):
    texts = [line.split() for line in LINES]
    model = NgramModel(texts, order, k=0.5, min_count=1)
    counter = NgramCounter(ngrams(pad_both_ends(text, n=order), n) for text in texts for n in {order, 1})
    words = sorted({word for text in texts for word in text})
    if order == 1:  # nltk pads nothing for single words, and then has no end
        assert model.probability("cat", []) == (counter["cat"] + 0.5) / (
            sum(map(len, texts)) + 8 + 0.5 * (len(words) + 2)
        )
    else:
        for context in itertools.product([*words[:4], "unheard"], repeat=order - 1):
            seen = counter[list(context)] if "unheard" not in context else {}
            total = sum(seen.values())
            for word in [*words, "</s>"]:
                expected = (seen.get(word, 0) + 0.5) / (total + 0.5 * (len(words) + 2))
                assert model.probability(word, context) == pytest.approx(expected, abs=1e-15)
    for context in ([], ["the"], ["unheard", "the"], ["on", "the"]):
        assert sum(model.probability(word, context) for word in [*words, "</s>", "unheard"]) == pytest.approx(1)


def test_fluency_is_the_geometric_mean_of_the_probabilities(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    reward = Fluency(text=str(path), order=2, k=0.1, min_count=1)
    model = NgramModel([line.split() for line in LINES], 2, 0.1, 1)
    steps = [("the", ["<s>"]), ("cat", ["the"]), ("flew", ["cat"]), ("</s>", ["flew"])]
    expected = math.prod(model.probability(*step) for step in steps) ** (1 / 4)
    assert reward(["the cat flew"], [Sample("")])[0] == pytest.approx(expected)
    scores = reward(["the cat sat on the rug", "rug the on sat cat the", "", "zzz"], [Sample("")] * 4)
    assert scores[0] > scores[1] > scores[2] == 0
    assert pickle.loads(pickle.dumps(reward))(["the cat"], [Sample("")]) == reward(["the cat"], [Sample("")])
    again = Fluency(text=str(path), order=2, k=0.1, min_count=1)
    assert again.signature == reward.signature
    path.write_text("other words", encoding="utf-8")
    assert Fluency(text=str(path), order=2, k=0.1, min_count=1).signature != reward.signature


def test_fluency_learns_from_the_references_of_a_task():
    reward = make_reward("fluency(task='translation', most=300, lowercase=True)")
    samples = make_task("translation").samples("validation")
    texts = [samples[i].references[0] for i in range(20)]
    mixed = [" ".join(text.split()[::-1]) for text in texts]
    assert reward(texts, [Sample("")] * 20).mean() > 3 * reward(mixed, [Sample("")] * 20).mean()


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xff\xfe"])
def test_files_that_teach_nothing_are_refused(tmp_path, content):
    (tmp_path / "lines.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"nothing for the reward|cannot read .* as UTF-8"):
        Fluency(text=str(tmp_path / "lines.txt"))
    with pytest.raises(DataError, match="cannot read"):
        Fluency(text=str(tmp_path))
