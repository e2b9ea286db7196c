import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer, lcs_ind

from tests.rewards.texts import REFERENCES, TEXTS, fuzz
from textgym.core import Sample
from textgym.rewards import make_reward
from textgym.rewards.positions import Positions
from textgym.rewards.rouge_lsum import common_places

ORACLES = {stemmer: RougeScorer(["rougeLsum"], use_stemmer=stemmer) for stemmer in (False, True)}
LINES = st.text("abAB1 .\n", max_size=100)


def oracle(response, references, stemmer=False):
    filled = [text for text in references if text.strip()]
    return ORACLES[stemmer].score_multi(filled, response)["rougeLsum"].fmeasure


def in_lines(text, rng):
    return "".join(word + rng.choice("   \n") for word in text.split(" "))


@pytest.mark.parametrize("use_stemmer", [False, True])
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_rouge_lsum_agrees_with_rouge_score_on_real_pairs(real_pairs, use_stemmer, step):
    rng = random.Random(0)
    responses = [in_lines(text, rng) for text in real_pairs[0][::step]]
    references = [[in_lines(text, rng) for text in texts] for texts in real_pairs[1][::step]]
    scores = make_reward({"name": "rougeLsum", "use_stemmer": use_stemmer})(
        responses, [Sample("", texts) for texts in references]
    )
    expected = [oracle(h, r, use_stemmer) for h, r in zip(responses, references, strict=True)]
    assert np.abs(scores - expected).max() < 1e-9
    assert 0.2 < scores.mean() < 0.9


@fuzz
@given(TEXTS, REFERENCES)
def test_rouge_lsum_agrees_with_rouge_score_on_awkward_text(response, references):
    score = make_reward("rougeLsum")([response], [Sample("", references)])
    assert score == pytest.approx([oracle(response, references)], abs=1e-9)


@fuzz
@given(LINES, LINES.filter(str.strip))
def test_rouge_lsum_agrees_with_rouge_score_on_repeated_words(response, reference):
    score = make_reward("rougeLsum")([response], [Sample("", reference)])
    assert score == pytest.approx([oracle(response, [reference])], abs=1e-9)


@fuzz
@given(st.lists(st.sampled_from("abc"), max_size=40), st.lists(st.sampled_from("abc"), max_size=40))
def test_the_chosen_subsequence_is_the_one_that_rouge_score_finds(tokens, reference):
    places = common_places(tokens, reference, Positions(reference))
    assert [i for i in range(len(reference)) if places >> i & 1] == lcs_ind(reference, tokens)


def test_sentences_may_change_places():
    sample = Sample("", "the cat sat\nthe dog ran")
    assert make_reward("rougeLsum")(["the dog ran\nthe cat sat"], [sample]) == [1.0]
    assert make_reward("rougeL")(["the dog ran\nthe cat sat"], [sample]) < 1.0


def test_signature():
    signature = make_reward("rougeLsum(use_stemmer=True)").signature
    assert signature.startswith("rougeLsum|sentence|nrefs:var|case:lc|tok:ascii|stem:yes|value:f1|textgym:")
