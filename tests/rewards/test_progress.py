"""What holds for every reward that scores responses while they are written."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rewards.texts import REFERENCES, TEXTS, fuzz, fuzzed
from textgym.core import Sample
from textgym.errors import RewardError
from textgym.rewards import make_reward
from textgym.rewards.progress import Drafted, Rescored, characters_end, words_end

SPECS = [
    "bleu",
    "bleu(tokenize='char', lowercase=True, max_ngram_order=2)",
    "bleu(tokenize='none', smooth_method='floor', effective_order=False)",
    "rouge1",
    "rouge2(use_stemmer=True)",
    "rouge2(tokenize='unicode')",
    "rougeL",
    "rougeL(use_stemmer=True, tokenize='unicode')",
    "chrf",
    "chrf(word_order=2, lowercase=True, eps_smoothing=True)",
    "chrf(whitespace=True, char_order=3)",
    "wer",
    "wer(lowercase=True)",
    "edit_similarity",
    "edit_similarity(lowercase=True)",
    "coverage",
    "0.5*bleu - 0.25*rougeL + 2*chrf",
]
INCREMENTAL = {spec: make_reward(spec) for spec in SPECS}
ANEW = {spec: make_reward(spec) for spec in ("bleu(tokenize='intl')", "meteor(synonyms=False)", "bleu + 0.1*ter")}
few = settings(fuzz, max_examples=60)


def sample_of(references):
    required = [text for text in references if any(map(str.isalnum, text))] or ["abc"]
    return Sample("", references, {"required": required})


def cut(text, rng):
    """Return the text in pieces of one to five characters."""
    pieces = []
    while text:
        size = rng.randrange(1, 6)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def check_every_prefix(reward, text, sample, seed=0):
    progress, so_far = reward.start([sample]), ""
    for piece in cut(text, random.Random(seed)):
        so_far += piece
        assert progress.push([piece]).tolist() == pytest.approx(reward([so_far], [sample]).tolist(), abs=1e-12, rel=0)
    assert progress.texts == [so_far]


@pytest.mark.parametrize("spec", [*INCREMENTAL, *ANEW])
@few
@given(TEXTS, REFERENCES)
def test_every_prefix_scores_as_if_it_were_judged_alone(spec, text, references):
    check_every_prefix({**INCREMENTAL, **ANEW}[spec], text, sample_of(references))


@pytest.mark.slow
def test_every_prefix_of_2000_fuzzed_and_real_texts_scores_as_if_it_were_judged_alone(real_pairs):
    real = list(zip(*real_pairs, strict=True))[::10]
    for i, (text, references) in enumerate([*fuzzed(1500), *real]):
        reward = list(INCREMENTAL.values())[i % len(INCREMENTAL)]
        check_every_prefix(reward, text, sample_of(references), seed=i)


@pytest.mark.parametrize("spec", INCREMENTAL)
def test_characters_that_were_cut_within_their_bytes_are_completed_later(spec):
    reward, sample = INCREMENTAL[spec], sample_of(("ΟΔΟΣ été 👩\u200d🚀 x", "你好 été"))
    data, progress = "été ΟΔΟΣ 你好 👩\u200d🚀 x".encode(), reward.start([sample])
    for end in range(1, len(data) + 1):
        text = data[:end].decode("utf-8", "replace")
        assert progress.show([text]) == pytest.approx(reward([text], [sample]), abs=1e-12)


@pytest.mark.parametrize("spec", [*INCREMENTAL, *ANEW])
def test_a_text_may_be_replaced_by_any_other_and_rows_begin_anew(spec):
    reward = {**INCREMENTAL, **ANEW}[spec]
    samples = [sample_of(("the cat sat on the mat",)), sample_of(("a dog ran", "the cat"))]
    progress = reward.start(samples)
    for texts in (["the cat sat", "a dog"], ["the dog sat on", "a dog ran"], ["", " "], ["x", "the cat"], ["x", "x"]):
        assert progress.show(texts) == pytest.approx(reward(texts, samples), abs=1e-12)
    progress.restart([1], [samples[0]])
    assert progress.push(["the cat "], [1]) == pytest.approx(reward(["the cat "], [samples[0]]), abs=1e-12)
    assert progress.push([" y", "sat"], [0, 1]) == pytest.approx(reward(["x y", "the cat sat"], samples[:1] * 2))
    assert progress.texts == ["x y", "the cat sat"]


@few
@given(st.lists(st.tuples(TEXTS, REFERENCES), min_size=1, max_size=4))
def test_rows_do_not_disturb_each_other(rows):
    reward, samples = INCREMENTAL["bleu"], [sample_of(references) for _, references in rows]
    together = reward.start(samples)
    alone = [reward.start([sample]) for sample in samples]
    for t in range(8):
        pieces = [text[4 * t : 4 * t + 4] for text, _ in rows]
        expected = [one.push([piece])[0] for one, piece in zip(alone, pieces, strict=True)]
        assert together.push(pieces).tolist() == expected


@pytest.mark.parametrize(
    "text", ["a-\nb c", "x -\n y", "a\nb\nc d", "x-<skipped>\ny z", "<skip-\nped> b", "&am p; &amp;", "a \x1c b\u2028c"]
)
def test_13a_is_cut_only_where_its_replacements_cannot_join(text):
    reward, sample = INCREMENTAL["bleu"], Sample("", ("ab c x y", "a b c d xy z"))
    progress = reward.start([sample])
    for end in range(1, len(text) + 1):
        assert progress.push([text[end - 1]]) == reward([text[:end]], [sample])


def test_incremental_rewards_say_so():
    assert all(reward.incremental for reward in INCREMENTAL.values())
    assert not any(reward.incremental for reward in ANEW.values())
    assert isinstance(make_reward("bleu").start([]), Drafted)
    assert isinstance(make_reward("meteor").start([]), Rescored)


def test_texts_that_did_not_change_are_not_judged_again():
    calls = []

    def counting(response, sample):
        calls.append(response)
        return 0.5

    progress = make_reward(counting).start([Sample("1"), Sample("2")])
    progress.push(["a", "b"])
    progress.push(["", "c"])
    progress.show(["a", "bc"])
    assert calls == ["a", "b", "bc"]
    progress.restart([0], [Sample("3")])
    assert progress.push([""], [0]) == [0.5]
    assert calls == ["a", "b", "bc", ""]


@pytest.mark.parametrize("spec", INCREMENTAL)
def test_the_changes_of_the_score_sum_to_the_final_score(spec):
    reward, sample = INCREMENTAL[spec], sample_of(("the cat sat on the mat .", "a cat was sitting there"))
    progress = reward.start([sample])
    scores = [progress.push([piece])[0] for piece in cut("the cat was sitting on a mat, there ." * 3, random.Random(0))]
    assert abs(sum(np.diff([0.0, *scores])) - scores[-1]) < 1e-12


def test_a_sample_without_references_is_refused_when_it_is_first_scored():
    progress = make_reward("bleu").start([Sample("fine", "a"), Sample("the prompt", ())])
    progress.push(["a"], [0])
    with pytest.raises(RewardError, match=r"The reward 'bleu' needs at least one reference .*'the prompt'"):
        progress.push(["a"], [1])


def test_what_is_certain_of_a_text():
    assert [words_end(text) for text in ("", "ab", "ab ", "ab c", " \n", "a\u2003b")] == [0, 0, 3, 3, 2, 2]
    assert [characters_end(text) for text in ("", "ab", "ab\ufffd", "\ufffda\ufffd\ufffd")] == [0, 2, 2, 2]
