"""TokenSpace: its samples, what it allows, its JSON form and what it refuses."""

import copy
import json
import pickle
import re

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_observation_space
from gymnasium.vector.utils import batch_space
from hypothesis import given
from hypothesis import strategies as st

from textgym import TokenSpace
from textgym.errors import ConfigError


def space(**arguments):
    return TokenSpace(**{"vocab_size": 7, "max_prompt_tokens": 3, "max_new_tokens": 4, "eos_id": 6} | arguments)


@st.composite
def spaces(draw):
    V, T = draw(st.integers(2, 12)), draw(st.integers(1, 6))
    eos = draw(st.none() | st.integers(0, V - 1))
    others = [i for i in range(V) if i != eos]
    banned = draw(st.lists(st.sampled_from(others), max_size=len(others) - 1, unique=True)) if len(others) > 1 else []
    return TokenSpace(V, draw(st.integers(1, 5)), T, eos, draw(st.integers(0, T)), banned, seed=draw(st.integers(0, 9)))


@given(spaces())
def test_samples_are_observations_with_a_prompt_and_a_response_that_goes_on(space):
    P = space.max_prompt_tokens
    row = space.sample()
    assert space.contains(row)
    assert row.dtype == np.int32
    prompt, response = row[:P] >= 0, row[P:] >= 0
    assert (np.diff(prompt.astype(int)) >= 0).all()  # padded on the left
    assert (np.diff(response.astype(int)) <= 0).all()  # padded on the right
    assert prompt.any()
    assert not response.all()


@given(spaces(), st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_allowed_is_everything_but_banned_ids_and_an_eos_that_comes_too_early(space, lengths):
    expected = [
        [
            i not in space.banned_tokens and not (i == space.eos_id and n < space.min_new_tokens)
            for i in range(space.vocab_size)
        ]
        for n in lengths
    ]
    np.testing.assert_array_equal(space.allowed(np.array(lengths)), expected)


@given(spaces())
def test_json_describes_the_space_completely(space):
    again = TokenSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert eval(repr(space), {"TokenSpace": TokenSpace}) == space


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda space: pickle.loads(pickle.dumps(space))])
def test_copies_are_equal_and_draw_the_same_samples(copied):
    original = space(seed=3, banned_tokens=[1], min_new_tokens=2)
    twin = copied(original)
    assert twin == original
    for _ in range(5):
        np.testing.assert_array_equal(twin.sample(), original.sample())


@pytest.mark.parametrize(
    "change",
    [
        {"vocab_size": 8},
        {"max_prompt_tokens": 4},
        {"max_new_tokens": 5},
        {"eos_id": None},
        {"min_new_tokens": 1},
        {"banned_tokens": [2]},
    ],
)
def test_spaces_that_differ_in_one_argument_are_not_equal(change):
    assert space(**change) != space()


def test_order_and_repetition_of_banned_tokens_do_not_matter():
    assert space(banned_tokens=[3, 1, 3]) == space(banned_tokens=(1, 3))


def test_a_batch_of_spaces_is_a_box_of_rows():
    batch = batch_space(space(), 5)
    assert batch.shape == (5, 7)
    assert batch.dtype == np.int32
    assert batch.contains(np.stack([space().sample() for _ in range(5)]))


def test_gymnasium_accepts_the_space():
    check_observation_space(space())


def test_bounds_are_those_of_empty_and_of_the_last_id():
    assert (space().low == -1).all()
    assert (space().high == 6).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1, got 0."),
        ({"max_prompt_tokens": 0}, "max_prompt_tokens must be at least 1, got 0."),
        ({"max_new_tokens": -1}, "max_new_tokens must be at least 1, got -1."),
        ({"min_new_tokens": 5}, "min_new_tokens must lie in [0, max_new_tokens=4], got 5."),
        ({"eos_id": 7}, "eos_id and banned_tokens must lie in [0, 7), got [7]."),
        ({"banned_tokens": [-1, 2]}, "eos_id and banned_tokens must lie in [0, 7), got [-1]."),
        ({"banned_tokens": range(7)}, "leave no token that may be written"),
        ({"banned_tokens": range(6), "min_new_tokens": 1}, "leave no token that may be written"),
    ],
)
def test_spaces_that_cannot_work_are_refused(change, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        space(**change)


def test_samples_take_no_mask():
    with pytest.raises(ConfigError, match="takes no mask"):
        space().sample(mask=np.ones(7, np.int8))
