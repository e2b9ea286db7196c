import copy
import pickle

import pytest
from hypothesis import given

from tests.rewards.texts import TEXTS, fuzz
from textgym.core import Sample
from textgym.errors import RewardError
from textgym.rewards import make_reward
from textgym.rewards.coverage import Coverage, SlotErrorRate


def sample(required, **more):
    return Sample("the prompt", metadata={"required": required, **more})


SLOTS = {"name": "The Eagle", "price": ["cheap", "low cost"], "area": "Centre"}


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("The Eagle is a cheap place in the centre.", 1),
        ("the  EAGLE: low cost, centre", 1),
        ("The Eagle is low-cost", 1 / 3),  # the hyphen stands between
        ("Theeagle cheapest", 0),
        ("eagle the", 0),
        ("Centre centre", 1 / 3),
        ("", 0),
        (" \n", 0),
    ],
)
def test_coverage_is_the_share_of_items_that_are_said(response, score):
    assert Coverage()([response], [sample(SLOTS)]) == pytest.approx([score])
    assert Coverage()([response], [sample(["The Eagle", ["cheap", "low cost"], "Centre"])]) == pytest.approx([score])


@pytest.mark.parametrize(
    ("response", "score"),
    [
        ("The Eagle is a cheap place in the centre.", 1),
        ("The Eagle is a cheap place.", 2 / 3),
        ("The Eagle, the Eagle is cheap, low cost and in the centre", 1 / 3),
        ("The Eagle is a cheap place in the centre by the river.", 2 / 3),
        ("the eagle " * 9, 0),
        ("", 0),
    ],
)
def test_slot_error_rate_counts_missing_and_redundant_slots(response, score):
    scores = SlotErrorRate()([response], [sample(SLOTS, forbidden=["river"])])
    assert scores == pytest.approx([score])


def test_a_value_may_be_required_twice():
    twice = sample({"adults": "two", "nights": "two"})
    assert SlotErrorRate()(["two"], [twice]) == [0.5]
    assert SlotErrorRate()(["two two"], [twice]) == [1.0]


@pytest.mark.parametrize("value", [None, [], "cat", 3, [3], {"a": 1}, ["", " "], [[]]])
@pytest.mark.parametrize("name", ["coverage", "slot_error_rate"])
def test_a_sample_that_requires_nothing_names_its_row(name, value):
    message = rf"The reward '{name}' needs metadata\['required'\], a list .* at row 1 \(prompt 'the prompt'\)"
    with pytest.raises(RewardError, match=message):
        make_reward(name)(["cat", "cat"], [sample(["cat"]), sample(value)])


@pytest.mark.parametrize("value", ["cat", 3, [3]])
def test_what_is_forbidden_is_a_list_too(value):
    with pytest.raises(RewardError, match=r"takes metadata\['forbidden'\] as a list"):
        SlotErrorRate()(["cat"], [sample(["cat"], forbidden=value)])


def test_the_key_is_an_option_and_part_of_the_signature():
    reward = make_reward("coverage(key='keywords')")
    assert reward(["a dog"], [Sample("", metadata={"keywords": ["dog", "cat"]})]) == [0.5]
    assert reward.signature.startswith("coverage|sentence|case:lc|tok:unicode|key:keywords|textgym:")
    assert "|key:required|forbidden:forbidden|value:1-rate|" in make_reward("slot_error_rate").signature


@fuzz
@given(TEXTS, TEXTS.filter(str.strip))
def test_both_are_total_and_a_text_says_itself(response, required):
    one = sample([required])
    for reward in (Coverage(), SlotErrorRate()):
        try:
            scores = reward([response, required], [one, one])
        except RewardError:
            assert not any(map(str.isalnum, required))  # nothing but controls has no words
            continue
        assert 0 <= scores[0] <= 1
        assert scores[1] == 1


def test_no_responses_give_no_scores_and_copies_leave_their_memory_behind():
    reward = Coverage()
    assert reward([], []).shape == (0,)
    reward(["cat"], [sample(["cat"])])
    for twin in (copy.deepcopy(reward), pickle.loads(pickle.dumps(reward))):
        assert twin == reward
        assert "_memo" not in vars(twin)
