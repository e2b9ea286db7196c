import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF as Oracle

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed, on_real_pairs
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.rewards.chrf import CHRF

OPTIONS = [
    {},
    {"word_order": 2},
    {"word_order": 2, "lowercase": True, "eps_smoothing": True},
    {"char_order": 3, "beta": 1, "eps_smoothing": True},
    {"char_order": 2, "word_order": 1, "beta": 3},
    {"whitespace": True, "word_order": 2},
]


def filled(references):
    return [text for text in references if text.strip()]


def samples(references):
    return [Sample("prompt", texts) for texts in references]


def oracle_sentences(responses, references, options):
    oracle = Oracle(**options)
    # a blank response scores 0 here, also where white space counts
    pairs = zip(responses, references, strict=True)
    return [oracle.sentence_score(h, filled(r)).score / 100 if h.strip() else 0.0 for h, r in pairs]


def oracle_corpus(responses, references, options):
    columns = itertools.zip_longest(*map(filled, references))
    return Oracle(**options).corpus_score(responses, list(map(list, columns))).score / 100


@pytest.mark.parametrize(("options", "step"), on_real_pairs(OPTIONS), ids=str)
def test_chrf_agrees_with_sacrebleu_on_real_pairs(real_pairs, options, step):
    responses, references = (side[::step] for side in real_pairs)
    reward = CHRF(**options)
    scores = reward(responses, samples(references))
    assert np.abs(scores - oracle_sentences(responses, references, options)).max() < 1e-9
    assert reward.corpus(responses, samples(references)) == pytest.approx(
        oracle_corpus(responses, references, options), abs=1e-9
    )


@fuzz
@given(st.lists(st.tuples(TEXTS, REFERENCES), min_size=1, max_size=3), st.sampled_from(OPTIONS))
def test_chrf_agrees_with_sacrebleu_on_awkward_text(rows, options):
    responses, references = [row[0] for row in rows], [tuple(row[1]) for row in rows]
    reward = CHRF(**options)
    assert reward(responses, samples(references)) == pytest.approx(
        oracle_sentences(responses, references, options), abs=1e-9
    )
    assert reward.corpus(responses, samples(references)) == pytest.approx(
        oracle_corpus(responses, references, options), abs=1e-9
    )


def test_epsilon_chooses_among_references_without_a_match_as_sacrebleu_does():
    responses, references = ["xyzxyz", "abc"], [("abcdefg", "a"), ("abc",)]
    expected = oracle_corpus(responses, references, {"eps_smoothing": True})
    assert CHRF(eps_smoothing=True).corpus(responses, samples(references)) == pytest.approx(expected, abs=1e-12)


def test_signature_tells_every_option():
    assert "chrf|sentence|nrefs:var|case:mixed|eff:yes|nc:6|nw:0|beta:2|space:no|textgym:" in CHRF().signature
    signatures = {CHRF(**options).corpus_signature for options in OPTIONS}
    assert len(signatures) == len(OPTIONS)
    assert all(text.startswith("chrf|corpus|") for text in signatures)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"char_order": 0}, r"chrF needs whole orders, char_order >= 1 and word_order >= 0, got \(0, 0\)"),
        ({"word_order": 1.5}, r"chrF needs whole orders, .* got \(6, 1.5\)"),
        ({"beta": 0}, r"chrF needs a positive beta, got 0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        CHRF(**options)


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_chrf_agrees_with_sacrebleu_on_10000_fuzzed_pairs(options):
    responses, references = map(list, zip(*fuzzed(10_000), strict=True))
    scores = CHRF(**options)(responses, samples(references))
    assert np.abs(scores - oracle_sentences(responses, references, options)).max() < 1e-9
