import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import TER as Oracle
from sacrebleu.metrics.lib_ter import BeamEditDistance, translation_edit_rate

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed
from textgym.core import Sample
from textgym.rewards.banded import BandedDistance
from textgym.rewards.positions import Positions
from textgym.rewards.shifts import Target
from textgym.rewards.ter import TER

OPTIONS = [
    {},
    {"case_sensitive": True},
    {"normalized": True},
    {"no_punct": True, "asian_support": True},
    {"normalized": True, "no_punct": True, "asian_support": True, "case_sensitive": True},
]


def oracle_sentences(responses, references, options):
    oracle = Oracle(**options)
    return [
        oracle.sentence_score(h, [text for text in r if text.strip()]).score / 100
        for h, r in zip(responses, references, strict=True)
    ]


def samples(references):
    return [Sample("prompt", texts) for texts in references]


@pytest.mark.parametrize(("options", "step"), [(options, 25) for options in OPTIONS])
def test_ter_agrees_with_sacrebleu_on_real_pairs(real_pairs, options, step):
    check_real_pairs(real_pairs, options, step)


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ter_agrees_with_sacrebleu_on_all_real_pairs(real_pairs, options):
    check_real_pairs(real_pairs, options, 1)


def check_real_pairs(real_pairs, options, step):
    responses, references = (side[::step] for side in real_pairs)
    reward = TER(**options)
    rates = reward.rates(responses, samples(references))
    assert np.abs(rates - oracle_sentences(responses, references, options)).max() < 1e-9
    expected = [max(0.0, 1 - rate) if text.strip() else 0.0 for text, rate in zip(responses, rates, strict=True)]
    assert reward(responses, samples(references)) == pytest.approx(expected)
    columns = itertools.zip_longest(*references)
    expected = Oracle(**options).corpus_score(responses, list(map(list, columns))).score / 100
    assert reward.corpus(responses, samples(references)) == pytest.approx(max(0.0, 1 - expected), abs=1e-9)


@fuzz
@given(TEXTS, REFERENCES, st.sampled_from(OPTIONS))
def test_ter_agrees_with_sacrebleu_on_awkward_text(response, references, options):
    rates = TER(**options).rates([response], [Sample("", references)])
    assert rates == pytest.approx(oracle_sentences([response], [references], options), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ter_agrees_with_sacrebleu_on_10000_fuzzed_pairs(options):
    responses, references = map(list, zip(*fuzzed(10_000), strict=True))
    rates = TER(**options).rates(responses, samples(references))
    assert np.abs(rates - oracle_sentences(responses, references, options)).max() < 1e-9


def shuffled(rng, words, times):
    """Return the words after some phrases of them changed places, and some words changed."""
    words = list(words)
    for _ in range(times):
        start, length = rng.randrange(len(words)), rng.randrange(1, 5)
        phrase = words[start : start + length]
        del words[start : start + length]
        to = rng.randrange(len(words) + 1)
        words[to:to] = phrase
        words[rng.randrange(len(words))] = rng.choice(words)
    return words


@pytest.mark.parametrize(
    ("vocabulary", "length", "other"), [(2, 12, 30), (4, 40, 40), (20, 60, 25), (9, 3, 130), (50, 100, 9)]
)
def test_edits_agree_with_sacrebleu_within_and_beyond_the_band(vocabulary, length, other):
    check_edits(random.Random(vocabulary), vocabulary, length, other, rounds=6)


@pytest.mark.slow
def test_edits_agree_with_sacrebleu_on_many_texts():
    rng = random.Random(0)
    for _ in range(400):
        lengths = [rng.choice((3, 10, 30, 70)) for _ in range(2)]
        check_edits(rng, rng.choice((2, 3, 5, 20, 100)), *lengths, rounds=1)


def check_edits(rng, vocabulary, length, other, rounds):
    for _ in range(rounds):
        words = [str(rng.randrange(vocabulary)) for _ in range(length)]
        for reference in (shuffled(rng, words, 3), [str(rng.randrange(vocabulary)) for _ in range(other)]):
            table = BandedDistance(Positions(reference), len(words))
            rows = table.rows(words)
            assert table.distance(rows) == BeamEditDistance(reference)(words)[0]
            assert Target(reference).edits(words) == translation_edit_rate(words, reference)[0]


def test_identical_text_beyond_the_band_has_no_edits_and_a_long_one_is_judged():
    words = [f"word{i * 7919 % 1000}" for i in range(3000)]
    assert TER()([" ".join(words)], [Sample("", " ".join(words))]) == [1.0]
    assert TER()([" ".join(shuffled(random.Random(0), words, 5))], [Sample("", " ".join(words))]) > 0.98


def test_references_are_cut_twice_as_sacrebleu_does():
    options, references = {"normalized": True}, ("a mixture of HMM's.",)
    rates = TER(**options).rates(["a mixture of HMM's."], [Sample("", references)])
    assert rates == pytest.approx(oracle_sentences(["a mixture of HMM's."], [references], options))
    assert rates > 0  # as if a word were missing


def test_references_without_words_are_judged_as_sacrebleu_does():
    options = {"no_punct": True}
    for response in ("", "...", "word", "two words"):
        rates = TER(**options).rates([response], [Sample("", "...")])
        assert rates == oracle_sentences([response], [["..."]], options)


def test_signatures_are_as_sacrebleu_writes_them():
    for options in OPTIONS:
        oracle = Oracle(**options)
        oracle.corpus_score(["a"], [["a"]])
        theirs = dict(field.split(":") for field in str(oracle.get_signature()).split("|"))
        ours = TER(**options).corpus_signature.split("|")
        assert ours[:3] == ["ter", "corpus", "nrefs:var"]
        fields = dict(field.split(":") for field in ours[2:])
        assert fields["sacrebleu"] == theirs["version"]
        keys = ("case", "tok", "norm", "punct", "asian")
        assert {key: fields[key] for key in keys} == {key: theirs[key] for key in keys}
        assert fields["value"] == "1-rate"
