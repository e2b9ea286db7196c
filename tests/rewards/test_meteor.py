import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.meteor_score import meteor_score

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.rewards import wordnet
from textgym.rewards.meteor import METEOR
from textgym.rewards.unicode_words import unicode_tokens

OPTIONS = [{}, {"alpha": 0.5, "beta": 1.0, "gamma": 0.2}]
GROUPS = (("cat", "true_cat", "dog"), ("sat", "on", "ran"), ("running", "the"), ("was", "3"))


class Lemma:
    def __init__(self, name):
        self._name = name

    def name(self):
        return self._name


class Synset(list):
    def lemmas(self):
        return list(map(Lemma, self))


class Corpus:
    """Stands in for NLTK's reader of WordNet."""

    def __init__(self, groups=()):
        self.groups = [Synset(group) for group in groups]

    def synsets(self, word):
        return [group for group in self.groups if word in group]

    def get_version(self):
        return "stub"


def oracle(response, references, corpus, options):
    tokens = [unicode_tokens(text) for text in references if text.strip()]
    return meteor_score(tokens, unicode_tokens(response), wordnet=corpus, **options)


@pytest.fixture(params=[(), GROUPS], ids=["form-and-stem", "synonyms"])
def corpus(request, monkeypatch):
    corpus = Corpus(request.param)
    known = wordnet.WordNet(corpus) if request.param else None
    monkeypatch.setattr("textgym.rewards.meteor.load_wordnet", lambda required: known)
    return corpus


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_meteor_agrees_with_nltk_on_real_pairs(real_pairs, corpus, options):
    responses, references = (side[::5] for side in real_pairs)
    scores = METEOR(**options)(responses, [Sample("", r) for r in references])
    expected = [oracle(h, r, corpus, options) for h, r in zip(responses, references, strict=True)]
    assert np.abs(scores - expected).max() < 1e-12
    assert 0.2 < scores.mean() < 0.9


def test_meteor_agrees_with_nltk_on_fuzzed_pairs(corpus):
    check_fuzzed(fuzzed(500, seed=1), corpus)


@pytest.mark.slow
def test_meteor_agrees_with_nltk_on_10000_fuzzed_pairs(corpus):
    check_fuzzed(fuzzed(10_000), corpus)


def check_fuzzed(pairs, corpus):
    scores = METEOR()([h for h, _ in pairs], [Sample("", r) for _, r in pairs])
    assert np.abs(scores - [oracle(h, r, corpus, {}) for h, r in pairs]).max() < 1e-12


@fuzz
@given(TEXTS, REFERENCES)
def test_meteor_without_synonyms_agrees_with_nltk_on_awkward_text(response, references):
    score = METEOR(synonyms=False)([response], [Sample("", references)])
    assert score == pytest.approx([oracle(response, references, Corpus(), {})], abs=1e-12)


@fuzz
@given(st.text("abAB ", max_size=80), st.text("abAB ", max_size=80).filter(str.strip))
def test_meteor_of_repeated_words_agrees_with_nltk(response, reference):
    score = METEOR(synonyms=False)([response], [Sample("", reference)])
    assert score == pytest.approx([oracle(response, [reference], Corpus(), {})], abs=1e-12)


def test_synonyms_raise_the_score_and_the_signature_tells_them(monkeypatch):
    sample = Sample("", "the cat sat")
    monkeypatch.setattr("textgym.rewards.meteor.load_wordnet", lambda required: wordnet.WordNet(Corpus(GROUPS)))
    assert METEOR()(["the dog sat"], [sample]) > METEOR(synonyms=False)(["the dog sat"], [sample])
    assert "|stem:yes|wordnet:stub|" in METEOR().signature
    start = "meteor|sentence|nrefs:var|case:lc|tok:unicode|alpha:0.9|beta:3|gamma:0.5|stem:yes|wordnet:no|textgym:"
    assert METEOR(synonyms=False).signature.startswith(start)
    assert METEOR(alpha=0.5, synonyms=False).signature != METEOR(synonyms=False).signature


def test_missing_wordnet_is_told_when_it_was_asked_for(monkeypatch):
    class Missing:
        def get_version(self):
            raise LookupError("Resource wordnet not found.")

    class Corpora:
        wordnet = Missing()

    monkeypatch.setattr(wordnet, "import_module", lambda name: Corpora)
    assert "|wordnet:no|" in METEOR().signature
    with pytest.raises(ConfigError, match=r"not installed: python -m nltk\.downloader wordnet"):
        METEOR(synonyms=True)


@pytest.fixture(scope="module")
def installed():
    """NLTK's reader of the real WordNet."""
    from nltk.corpus import wordnet as reader

    try:
        reader.synsets("dog")
    except LookupError:
        pytest.skip("WordNet is not installed: python -m nltk.downloader wordnet, or name its folder in NLTK_DATA")
    return reader


def test_installed_wordnet_agrees_with_nltk(installed):
    response, reference = "the hound slept on a big sofa", "the dog slept on a large couch"
    score = METEOR(synonyms=True)([response], [Sample("", reference)])
    assert score == pytest.approx([oracle(response, [reference], installed, {})], abs=1e-12)
    assert score > METEOR(synonyms=False)([response], [Sample("", reference)])
    assert f"|wordnet:{installed.get_version()}|" in METEOR().signature


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_meteor_with_the_real_wordnet_agrees_with_nltk_on_real_pairs(real_pairs, installed, options):
    responses, references = real_pairs
    # half of the words that have a synonym are replaced by one, so that the stage of synonyms has work
    rng = random.Random(0)
    responses = [" ".join(_synonym(word, installed, rng) for word in text.split()) for text in responses]
    scores = METEOR(synonyms=True, **options)(responses, [Sample("", r) for r in references])
    rows = zip(responses, references, strict=True)
    expected = [oracle(response, several, installed, options) for response, several in rows]
    assert scores == pytest.approx(expected, abs=1e-9)
    plain = METEOR(synonyms=False, **options)(responses, [Sample("", r) for r in references])
    assert (scores > plain).mean() > 0.3  # two fifths of the texts are not English


def _synonym(word, reader, rng):
    names = sorted({lemma.name() for synset in reader.synsets(word) for lemma in synset.lemmas()} - {word})
    return rng.choice(names) if names and rng.random() < 0.5 else word


@pytest.mark.parametrize("options", [{"alpha": 1.0}, {"alpha": float("nan")}, {"beta": -1}, {"gamma": 1.5}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError, match="METEOR needs alpha in"):
        METEOR(**options)
