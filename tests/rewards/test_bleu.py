import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU as Oracle
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed, on_real_pairs
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.rewards.bleu import BLEU
from textgym.rewards.tokenization import TOKENIZERS, tokenize_13a

OPTIONS = [
    {},
    {"tokenize": "intl"},
    {"tokenize": "char", "lowercase": True},
    {"tokenize": "zh"},
    {"tokenize": "none", "smooth_method": "none"},
    {"smooth_method": "floor"},
    {"smooth_method": "floor", "smooth_value": 0.5, "effective_order": False},
    {"smooth_method": "add-k", "lowercase": True},
    {"smooth_method": "add-k", "smooth_value": 0.3, "effective_order": False},
    {"smooth_method": "none", "effective_order": False},
    {"max_ngram_order": 2, "lowercase": True},
    {"max_ngram_order": 6, "smooth_method": "floor", "effective_order": False},
]


def filled(references):
    return [text for text in references if text.strip()]


def samples(references):
    return [Sample("prompt", texts) for texts in references]


def oracle_sentences(responses, references, options):
    oracle = Oracle(**{"effective_order": True, **options})
    return [oracle.sentence_score(h, filled(r)).score / 100 for h, r in zip(responses, references, strict=True)]


def oracle_corpus(responses, references, options):
    columns = itertools.zip_longest(*map(filled, references))  # None where a row has fewer references
    return Oracle(**{**options, "effective_order": False}).corpus_score(responses, list(map(list, columns))).score / 100


@pytest.mark.parametrize(("options", "step"), on_real_pairs(OPTIONS), ids=str)
def test_bleu_agrees_with_sacrebleu_on_real_pairs(real_pairs, options, step):
    responses, references = (side[::step] for side in real_pairs)
    reward = BLEU(**options)
    scores = reward(responses, samples(references))
    assert np.abs(scores - oracle_sentences(responses, references, options)).max() < 1e-9
    assert reward.corpus(responses, samples(references)) == pytest.approx(
        oracle_corpus(responses, references, options), abs=1e-9
    )
    assert 0.2 < scores.mean() < 0.9  # the pairs are neither all right nor all wrong


@fuzz
@given(st.lists(st.tuples(TEXTS, REFERENCES), min_size=1, max_size=3), st.sampled_from(OPTIONS))
def test_bleu_agrees_with_sacrebleu_on_awkward_text(rows, options):
    responses, references = [row[0] for row in rows], [tuple(row[1]) for row in rows]
    reward = BLEU(**options)
    assert reward(responses, samples(references)) == pytest.approx(
        oracle_sentences(responses, references, options), abs=1e-9
    )
    assert reward.corpus(responses, samples(references)) == pytest.approx(
        oracle_corpus(responses, references, options), abs=1e-9
    )


@fuzz
@given(TEXTS)
def test_13a_word_by_word_agrees_with_sacrebleu_line_by_line(text):
    text = text.rstrip()
    assert tokenize_13a(text) == Tokenizer13a()(text).split()


@pytest.mark.parametrize(
    "text",
    [
        "a-\nb c",
        "<skip-\nped>",
        "&am-\np;lt;",
        "x <skipped>y",
        "1.5, 2-3 -4. 5.",
        "a\n.b",
        "U.S.A., 3,000.",
        "&amp;quot;",
    ],
)
def test_13a_agrees_with_sacrebleu_where_replacements_meet(text):
    assert tokenize_13a(text) == Tokenizer13a()(text).split()


def test_bleu_of_many_repeated_ngrams_agrees_with_sacrebleu():
    response = " ".join(f"w{i % 20} w{i % 7}" for i in range(400))
    references = (
        " ".join(f"w{i % 19} w{i % 7}" for i in range(300)),
        " ".join(f"w{i % 20} w{i % 9}" for i in range(350)),
    )
    expected = oracle_sentences([response], [references], {})
    assert BLEU()([response], samples([references])) == pytest.approx(expected, abs=1e-12)


def test_neighbouring_references_do_not_make_an_ngram():
    score = BLEU(smooth_method="none")(["b c"], samples([("a b", "c d")]))
    assert score == pytest.approx(oracle_sentences(["b c"], [("a b", "c d")], {"smooth_method": "none"})) == [0.0]


def test_aggregate_of_resampled_totals_agrees_with_sacrebleu(real_pairs):
    responses, references = real_pairs[0][:50], real_pairs[1][:50]
    rows = np.random.default_rng(0).integers(50, size=(4, 50))
    statistics = BLEU().statistics(responses, samples(references))
    expected = [oracle_corpus([responses[i] for i in row], [references[i] for i in row], {}) for row in rows]
    assert BLEU().aggregate(statistics[rows].sum(axis=1), 50) == pytest.approx(expected, abs=1e-9)


def test_perfect_response_scores_exactly_one():
    assert BLEU()(["the cat sat on the mat ."], [Sample("", "the cat sat on the mat .")]) == [1.0]


def test_signatures_are_as_sacrebleu_writes_them():
    for options in OPTIONS:
        oracle = Oracle(**options)
        oracle.corpus_score(["a"], [["a"]])
        theirs = dict(field.split(":") for field in str(oracle.get_signature()).split("|"))
        ours = BLEU(**options).corpus_signature.split("|")
        assert ours[:3] == ["bleu", "corpus", "nrefs:var"]
        fields = dict(field.split(":") for field in ours[2:])
        assert fields["sacrebleu"] == theirs["version"]
        assert {key: fields[key] for key in ("case", "tok", "smooth")} == {
            key: theirs[key] for key in ("case", "tok", "smooth")
        }
        assert fields["eff"] == "no"
    assert "bleu|sentence|nrefs:var|case:mixed|eff:yes|tok:13a|smooth:exp|textgym:" in BLEU().signature


def test_every_tokenizer_of_sacrebleu_is_known():
    assert set(TOKENIZERS) == set(Oracle.TOKENIZERS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenize": "14a"}, r"BLEU has no tokenizer '14a'\. Did you mean '13a'\?"),
        ({"smooth_method": "add_k"}, r"BLEU has no smooth_method 'add_k'\. Did you mean 'add-k'\?"),
        ({"max_ngram_order": 0}, r"BLEU needs a whole max_ngram_order of at least 1, got 0"),
        ({"smooth_value": 0.1}, r"smooth_value is for 'floor' and 'add-k' only: 'exp' takes none"),
        ({"smooth_method": "floor", "smooth_value": 2}, r"smooth_value must be at least 0 .*, got 2"),
        ({"smooth_method": "add-k", "smooth_value": float("inf")}, r"smooth_value must be at least 0 .*, got inf"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        BLEU(**options)


def test_a_tokenizer_that_cannot_be_loaded_is_told_when_the_reward_is_made(monkeypatch):
    monkeypatch.setitem(TOKENIZERS, "zh", "tokenizer_absent.Tokenizer")
    with pytest.raises(
        ConfigError, match=r"sacrebleu cannot load the tokenizer 'zh': No module named .*choose another"
    ):
        BLEU(tokenize="zh")


def test_a_compiled_tokenizer_never_sees_a_lone_surrogate(monkeypatch):
    def strict(self, text):
        return text.encode("utf-8").decode("utf-8")

    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_none.NoneTokenizer.__call__", strict)
    assert BLEU(tokenize="none")(["a b \ud800"], [Sample("", "a b ?")]) == pytest.approx([1.0])


def test_pickled_and_copied_rewards_leave_their_memory_behind():
    reward = BLEU(tokenize="intl")
    before = reward(["a b c d"], [Sample("", "a b c e")])
    assert len(reward._memo) == 1
    for twin in (copy.deepcopy(reward), pickle.loads(pickle.dumps(reward))):
        assert twin == reward
        assert "_memo" not in vars(twin)
        assert twin(["a b c d"], [Sample("", "a b c e")]) == before


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_bleu_agrees_with_sacrebleu_on_10000_fuzzed_pairs(options):
    responses, references = map(list, zip(*fuzzed(10_000), strict=True))
    scores = BLEU(**options)(responses, samples(references))
    assert np.abs(scores - oracle_sentences(responses, references, options)).max() < 1e-9
