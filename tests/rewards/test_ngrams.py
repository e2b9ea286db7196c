from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import fuzz
from textgym.rewards.ngrams import GrowingMatches, Ngrams

WORDS = st.lists(st.sampled_from("abc"), max_size=60) | st.lists(st.integers(0, 20).map(str), max_size=60)


def counted(words, texts, orders):
    """Count the n-grams of every text as tuples."""

    def ngrams(words, order):
        return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))

    expected = []
    for order in range(1, orders + 1):
        most = Counter()
        for text in texts:
            most |= ngrams(text, order)
        expected.append((ngrams(words, order) & most).total())
    return expected


@fuzz
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), st.integers(1, 5))
def test_matches_agree_with_clipped_counts(words, texts, orders):
    assert Ngrams(orders, *texts).matches(words) == counted(words, texts, orders)


@fuzz
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), st.integers(1, 5), st.integers(1, 4))
def test_growing_matches_agree_with_clipped_counts(words, texts, orders, step):
    growing = GrowingMatches(Ngrams(orders, *texts))
    for start in range(0, len(words), step):
        piece = words[start : start + step]
        expected = (start + len(piece), *counted(words[: start + step], texts, orders))
        growing.open([*piece[::-1], "a"])
        assert growing.length == expected[0] + 1
        growing.drop()
        growing.open(piece)
        assert (growing.length, *growing.matches) == expected


def test_a_text_that_has_an_ngram_more_often_sets_the_limit():
    ngrams = Ngrams(2, ["a", "b"], ["a", "a", "b"], ["a"])
    assert ngrams.lengths == [2, 3, 1]
    assert ngrams.matches(["a"] * 4) == [2, 1]
