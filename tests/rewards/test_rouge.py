import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from tests.rewards.texts import REFERENCES, SCRIPTS, TEXTS, fuzz, fuzzed, on_real_pairs
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.rewards import make_reward
from textgym.rewards.unicode_words import unicode_words

NAMES = ["rouge1", "rouge2", "rougeL"]
ORACLES = {(name, stemmer): RougeScorer([name], use_stemmer=stemmer) for name in NAMES for stemmer in (False, True)}


def oracle(name, stemmer, response, references):
    filled = [text for text in references if text.strip()]
    return ORACLES[name, stemmer].score_multi(filled, response)[name].fmeasure


@pytest.mark.parametrize(("use_stemmer", "step"), on_real_pairs([False, True]))
@pytest.mark.parametrize("name", NAMES)
def test_rouge_agrees_with_rouge_score_on_real_pairs(real_pairs, name, use_stemmer, step):
    responses, references = (side[::step] for side in real_pairs)
    scores = make_reward({"name": name, "use_stemmer": use_stemmer})(responses, [Sample("", r) for r in references])
    expected = [oracle(name, use_stemmer, h, r) for h, r in zip(responses, references, strict=True)]
    assert np.abs(scores - expected).max() < 1e-9
    assert 0.2 < scores.mean() < 0.9


@fuzz
@given(TEXTS, REFERENCES, st.sampled_from(NAMES), st.booleans())
def test_rouge_agrees_with_rouge_score_on_awkward_text(response, references, name, use_stemmer):
    score = make_reward({"name": name, "use_stemmer": use_stemmer})([response], [Sample("", references)])
    assert score == pytest.approx([oracle(name, use_stemmer, response, references)], abs=1e-9)


@fuzz
@given(st.text("abAB 1.", max_size=120), st.text("abAB 1.", max_size=120).filter(str.strip), st.sampled_from(NAMES))
def test_rouge_agrees_with_rouge_score_on_repeated_words(response, reference, name):
    score = make_reward(name)([response], [Sample("", reference)])
    assert score == pytest.approx([oracle(name, False, response, [reference])], abs=1e-9)


@pytest.mark.parametrize(("response", "reference"), [("his", "hi"), ("this", "thi"), ("running 1000s", "runs 1000")])
def test_stems_agree_with_rouge_score_in_short_and_long_words(response, reference):
    score = make_reward("rouge1(use_stemmer=True)")([response], [Sample("", reference)])
    assert score == pytest.approx([oracle("rouge1", True, response, [reference])], abs=1e-12)


def test_corpus_score_is_the_mean_of_sentence_scores():
    reward = make_reward("rougeL")
    samples = [Sample("", "a b c"), Sample("", "d e")]
    assert reward.corpus(["a b c", "x"], samples) == pytest.approx(0.5)
    assert reward.corpus_signature == f"{reward.signature}|corpus:mean"


def test_signature_names_the_stemmer_and_the_oracle():
    assert "rougeL|sentence|nrefs:var|case:lc|tok:ascii|stem:no|value:f1|textgym:" in make_reward("rougeL").signature
    assert "|stem:yes|" in make_reward("rouge2(use_stemmer=True)").signature
    assert "|rouge-score:0." in make_reward("rouge1").signature


class UnicodeTokenizer:
    def tokenize(self, text):
        return unicode_words(text)


UNICODE = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], tokenizer=UnicodeTokenizer())


@fuzz
@given(TEXTS, REFERENCES, st.sampled_from([*NAMES, "rougeLsum"]))
def test_rouge_of_unicode_words_agrees_with_rouge_score_given_that_tokenizer(response, references, name):
    score = make_reward({"name": name, "tokenize": "unicode"})([response], [Sample("", references)])
    expected = UNICODE.score_multi([text for text in references if text.strip()], response)[name].fmeasure
    assert score == pytest.approx([expected if response.strip() else 0.0], abs=1e-9)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("name", [*NAMES, "rougeLsum"])
def test_identical_text_scores_one_in_every_script_with_unicode_words(name, script):
    text = f"{script} {script[::-1]} 1 2"
    assert make_reward({"name": name, "tokenize": "unicode"})([text], [Sample("", text)]) == [1.0]


def test_wrong_tokenizers_are_refused():
    with pytest.raises(ConfigError, match=r"ROUGE has no tokenizer 'unicod'\. Did you mean 'unicode'\?"):
        make_reward("rougeL(tokenize='unicod')")


@pytest.mark.slow
@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_agrees_with_rouge_score_on_10000_fuzzed_pairs(stemmer):
    pairs = fuzzed(10_000)
    responses, samples = [h for h, _ in pairs], [Sample("", r) for _, r in pairs]
    scorer = RougeScorer([*NAMES, "rougeLsum"], use_stemmer=stemmer)
    expected = [scorer.score_multi([text for text in r if text.strip()], h) for h, r in pairs]
    for name in (*NAMES, "rougeLsum"):
        scores = make_reward({"name": name, "use_stemmer": stemmer})(responses, samples)
        assert np.abs(scores - [one[name].fmeasure for one in expected]).max() < 1e-9
