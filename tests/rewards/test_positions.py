from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import fuzz
from textgym.rewards.positions import Positions

WORDS = st.lists(st.sampled_from("abc"), max_size=60) | st.lists(st.integers(0, 20).map(str), max_size=60)


def ngrams(words, order):
    return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))


@fuzz
@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_matches_agree_with_clipped_counts(words, texts):
    expected = []
    for order in (1, 2, 3, 4, 5):
        most = Counter()
        for text in texts:
            most |= ngrams(text, order)
        expected.append((ngrams(words, order) & most).total())
    assert Positions(*texts).matches(words, 5) == expected


def test_positions_lie_one_after_the_other_with_a_gap_between():
    positions = Positions("aba", ["b"])
    assert positions.where == {"a": 0b101, "b": 0b10010}
    assert positions.lengths == [3, 1]
