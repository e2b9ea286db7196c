import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed, on_real_pairs
from textgym.core import Sample
from textgym.rewards import make_reward

ORACLES = {"wer": jiwer.wer, "cer": jiwer.cer}
both = pytest.mark.parametrize("name", ["wer", "cer"])


def oracle(name, response, references):
    return min(ORACLES[name](text, response) for text in references if text.strip())


@both
@pytest.mark.parametrize(("lowercase", "step"), on_real_pairs([False, True]))
def test_rates_agree_with_jiwer_on_real_pairs(real_pairs, name, lowercase, step):
    responses, references = (side[::step] for side in real_pairs)
    reward = make_reward({"name": name, "lowercase": lowercase})
    samples = [Sample("", texts) for texts in references]
    if lowercase:
        responses, references = [h.lower() for h in responses], [[t.lower() for t in texts] for texts in references]
    expected = np.array([oracle(name, h, r) for h, r in zip(responses, references, strict=True)])
    assert np.abs(reward.rates(responses, samples) - expected).max() < 1e-12
    assert np.abs(reward(responses, samples) - np.maximum(1 - expected, 0)).max() < 1e-12
    assert 0.2 < reward(responses, samples).mean() < 0.9


@both
@fuzz
@given(TEXTS, REFERENCES)
def test_rates_agree_with_jiwer_on_awkward_text(name, response, references):
    rates = make_reward(name).rates([response], [Sample("", references)])
    assert rates == pytest.approx([oracle(name, response, references)], abs=1e-12)


@both
@pytest.mark.slow
def test_rates_agree_with_jiwer_on_10000_fuzzed_pairs(name):
    pairs = fuzzed(10_000)
    rates = make_reward(name).rates([h for h, _ in pairs], [Sample("", r) for _, r in pairs])
    assert np.abs(rates - [oracle(name, *pair) for pair in pairs]).max() < 1e-12


@both
@fuzz
@given(st.lists(st.tuples(TEXTS, TEXTS.filter(str.strip)), min_size=1, max_size=4))
def test_corpus_score_agrees_with_jiwer(name, pairs):
    responses, references = map(list, zip(*pairs, strict=True))
    expected = max(0.0, 1 - ORACLES[name](references, responses))
    assert make_reward(name).corpus(responses, [Sample("", text) for text in references]) == pytest.approx(expected)


def test_a_rate_beyond_one_pays_nothing_and_is_still_told():
    reward, sample = make_reward("wer"), Sample("", "a")
    assert reward(["b c d"], [sample]) == [0.0]
    assert reward.rates(["b c d"], [sample]) == [3.0]
    assert reward.rates([], []).shape == (0,)


def test_signatures_tell_that_less_errors_score_more():
    assert make_reward("wer").signature.startswith("wer|sentence|nrefs:var|case:mixed|tok:jiwer|value:1-rate|textgym:")
    corpus = make_reward("cer(lowercase=True)").corpus_signature
    assert corpus.startswith("cer|corpus|nrefs:var|case:lc|tok:jiwer|value:1-rate|")
