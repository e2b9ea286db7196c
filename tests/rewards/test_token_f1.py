import collections
import re
import string

import pytest
from hypothesis import given

from tests.rewards.texts import REFERENCES, TEXTS, fuzz
from textgym.core import Sample
from textgym.rewards.token_f1 import TokenF1


def squad(prediction, truth):
    """The definition of Rajpurkar et al. (2016), step by step."""

    def words(text):
        text = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split()).split()

    same = sum((collections.Counter(words(prediction)) & collections.Counter(words(truth))).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(words(prediction)), same / len(words(truth))
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("response", "references", "score"),
    [
        ("the Normans", ("Normans",), 1),
        ("in France.", ("France", "in the country France"), 0.8),
        ("France", ("Denmark, Iceland and Norway",), 0),
        ("10th and 11th centuries", ("the 10th and 11th centuries", "in the 10th and 11th centuries"), 1),
        ("a cat sat", ("cat cat",), 0.5),
        ("the", ("the",), 0),
        ("the", ("an apple",), 0),
        ("don't", ("dont",), 1),
    ],
)
def test_cases_of_squad(response, references, score):
    assert TokenF1()([response], [Sample("", references)]) == pytest.approx([score])


@fuzz
@given(TEXTS, REFERENCES)
def test_token_f1_agrees_with_its_definition(response, references):
    expected = max(squad(response, text) for text in references if text.strip())
    assert TokenF1()([response], [Sample("", references)]) == pytest.approx([expected], abs=1e-12)


def test_signature():
    assert TokenF1().signature.startswith("token_f1|sentence|nrefs:var|case:lc|tok:squad-1.1|value:f1|textgym:")
