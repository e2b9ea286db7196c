import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import REFERENCES, TEXTS, fuzz
from textgym.core import Sample
from textgym.rewards.edit_similarity import EditSimilarity, distance
from textgym.rewards.positions import Positions


def levenshtein(a, b):
    """The textbook table (Wagner and Fischer, 1974)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, old = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(old[j] + 1, row[-1] + 1, old[j - 1] + (x != y)))
    return row[-1]


@fuzz
@given(st.text("abc", max_size=90), st.text("abc", min_size=1, max_size=90))
def test_distance_agrees_with_the_textbook_table(text, reference):
    assert distance(text, Positions(reference)) == levenshtein(text, reference)


@fuzz
@given(TEXTS, REFERENCES)
def test_similarity_is_one_minus_distance_over_the_longer_length(response, references):
    filled = [text for text in references if text.strip()]
    expected = max(1 - levenshtein(response, text) / max(len(response), len(text)) for text in filled)
    expected = expected if response.strip() else 0.0
    assert EditSimilarity()([response], [Sample("", references)]) == pytest.approx([expected], abs=1e-12)


def test_case_counts_unless_told_otherwise():
    assert EditSimilarity()(["ABCD"], [Sample("", "abcd")]) == [0.0]
    assert EditSimilarity(lowercase=True)(["ABCD"], [Sample("", "abcd")]) == [1.0]


def test_signature_tells_the_case():
    assert EditSimilarity().signature.startswith("edit_similarity|sentence|nrefs:var|case:mixed|textgym:")
    assert "|case:lc|" in EditSimilarity(lowercase=True).signature
