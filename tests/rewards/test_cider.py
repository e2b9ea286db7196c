import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import REFERENCES, TEXTS, fuzz
from textgym.core import Sample
from textgym.errors import ConfigError, DataError, RewardError
from textgym.rewards import make_reward
from textgym.rewards.cider import CIDErD
from textgym.rewards.unicode_words import unicode_words

DOCUMENTS = [Sample("1", ("a cat sat", "a cat")), Sample("2", "a dog"), Sample("3", "dog runs"), Sample("4", "a bird")]


def formula(response, references, documents, sigma=6.0):
    """Vedantam et al. (2015), equations 1 and 6, by the letter, with counts for term frequencies."""

    def grams(text, n):
        words = unicode_words(text)
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    def weights(text, n):
        found = grams(text, n)
        known = [{gram for one in document for gram in grams(one, n)} for document in documents]
        idf = {g: math.log(len(documents) / max(1, sum(g in one for one in known))) for g in found}
        return {gram: found.count(gram) * idf[gram] for gram in found}

    total = 0.0
    for n in (1, 2, 3, 4):
        for reference in references:
            mine, theirs = weights(response, n), weights(reference, n)
            norms = [math.sqrt(sum(w * w for w in one.values())) for one in (mine, theirs)]
            if all(norms):
                product = sum(min(mine.get(g, 0), w) * w for g, w in theirs.items()) / (norms[0] * norms[1])
                difference = len(unicode_words(response)) - len(unicode_words(reference))
                total += math.exp(-(difference**2) / (2 * sigma**2)) * product / (4 * len(references))
    return total


def test_hand_computed_cases():
    reward = CIDErD(DOCUMENTS)
    # "cat" and "a cat" are in one document of four, "a" in three: 1 for the words, 1 for the pairs, no longer n-grams
    assert reward(["a cat"], [Sample("", "a cat")]) == pytest.approx([0.5])
    # the words share "a" only, of weight log 4/3 in vectors with a second weight of log 4 and log 2
    a, cat, dog = math.log(4 / 3), math.log(4), math.log(2)
    cosine = a * a / (math.hypot(a, cat) * math.hypot(a, dog))
    assert reward(["a cat"], [Sample("", "a dog")]) == pytest.approx([cosine / 4])
    # a word said twice counts as often as in the reference, and the length differs by one
    expected = math.exp(-1 / 72) * cat * cat / (2 * cat * cat) / 4
    assert reward(["cat cat"], [Sample("", "cat")]) == pytest.approx([expected])
    assert reward(["bird"], [Sample("", "cat")]) == [0.0]


def test_a_text_of_four_rare_words_reaches_one():
    sample = Sample("", "one two three four")
    assert CIDErD([sample, *DOCUMENTS])(["One, two three four!"], [sample]) == pytest.approx([1.0])


@fuzz
@given(TEXTS, REFERENCES, st.lists(REFERENCES, min_size=1, max_size=4), st.sampled_from([1.0, 6.0]))
def test_cider_agrees_with_the_published_formula(response, references, documents, sigma):
    filled = [text for text in references if text.strip()]
    reward = CIDErD([Sample("", texts) for texts in documents], sigma)
    expected = formula(response, filled, documents, sigma)
    assert reward([response], [Sample("", references)]) == pytest.approx([expected], abs=1e-9)


def test_a_corpus_without_documents_is_its_own_collection():
    responses = ["a cat", "a dog", "dog runs fast", ""]
    expected = CIDErD(DOCUMENTS)(responses, DOCUMENTS)
    assert CIDErD().corpus(responses, DOCUMENTS) == pytest.approx(expected.mean())
    assert CIDErD(DOCUMENTS).corpus(responses, DOCUMENTS) == pytest.approx(expected.mean())
    assert "|df:judged|" in CIDErD().signature
    assert CIDErD().corpus([], []) == 0.0


def test_single_responses_need_documents():
    with pytest.raises(RewardError, match=r"there is none: give it one, as in \{'name': 'cider', 'documents'"):
        CIDErD()(["a cat"], [Sample("", "a cat")])


def test_documents_come_from_a_file(tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [{"prompt": sample.prompt, "references": list(sample.references)} for sample in DOCUMENTS]
    path.write_text("\n".join(map(json.dumps, rows)))
    reward = make_reward({"name": "cider", "documents": str(path)})
    assert reward(["a cat"], [Sample("", "a cat")]) == pytest.approx([0.5])
    assert reward.signature == CIDErD(DOCUMENTS).signature
    assert reward.signature.startswith("cider|sentence|nrefs:var|case:lc|tok:unicode|n:4|sigma:6|df:4[")
    assert CIDErD(DOCUMENTS[:3]).signature != reward.signature
    with pytest.raises(DataError, match="absent"):
        make_reward({"name": "cider", "documents": str(tmp_path / "absent.jsonl")})


@pytest.mark.parametrize("sigma", [0, -1.0, float("inf"), float("nan")])
def test_wrong_options_are_refused(sigma):
    with pytest.raises(ConfigError, match="CIDEr-D needs a positive sigma"):
        CIDErD(sigma=sigma)
