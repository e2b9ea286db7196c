import pytest

from textgym.core import Sample
from textgym.rewards.exact_match import ExactMatch


@pytest.mark.parametrize(
    ("response", "score"), [("yes", 1), (" yes\n", 1), ("no  way", 1), ("Yes", 0), ("yes no way", 0), ("", 0)]
)
def test_any_reference_may_match_and_white_space_does_not_count(response, score):
    assert ExactMatch()([response], [Sample("", ("yes", "no way"))]) == [score]


def test_case_counts_unless_told_otherwise():
    assert ExactMatch(lowercase=True)(["YES"], [Sample("", "yes")]) == [1]
    assert ExactMatch().signature != ExactMatch(lowercase=True).signature
