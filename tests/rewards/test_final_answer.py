"""The reward of GSM8K, against the rule of its paper."""

import re

import pytest

from textgym import Sample, make_reward

REWARD = make_reward("final_answer")
SOLUTION = "48 / 2 = <<48/2=24>>24\n24 + 48 = 72\n#### 72"


@pytest.mark.parametrize(
    ("response", "score"),
    [
        (SOLUTION, 1),
        ("#### 72", 1),
        ("####72", 1),
        ("so it is\n#### $72.00", 1),
        ("#### 72.", 1),
        ("#### 72 clips", 1),
        ("#### 7\n#### 72", 1),
        ("#### 72\n#### 7", 0),
        ("72", 0),
        ("#### 720", 0),
        ("#### -72", 0),
        ("####", 0),
        ("#### 7.2.7", 0),
        ("#### ,", 0),
        ("#### " + "9" * 10_000, 0),
        ("", 0),
    ],
)
def test_the_number_behind_the_last_mark_counts(response, score):
    assert REWARD([response], [Sample("q", SOLUTION)]).tolist() == [score]


@pytest.mark.parametrize("reference", ["#### 1,234,567", "1234567", "no number #### 1234567.0"])
def test_commas_and_zeros_do_not_count_and_a_reference_may_be_the_number_itself(reference):
    assert REWARD(["it is\n#### 1,234,567"], [Sample("q", reference)]).tolist() == [1]


def test_where_there_is_one_mark_the_rule_of_the_published_script_agrees():
    rule = re.compile(r"#### (\-?[0-9\.\,]+)")  # grade_school_math/dataset.py of github.com/openai/grade-school-math
    for response in (SOLUTION, "#### 5", "#### 72", "#### -72", "nothing", "#### 7,2"):
        found = rule.search(response)
        published = found is not None and found[1].replace(",", "") == "72"
        assert REWARD([response], [Sample("q", SOLUTION)])[0] == published
