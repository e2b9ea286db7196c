"""The random numbers of tokens: Philox's published words, uniform, independent of their neighbours, one for a place."""

import numpy as np
import pytest
import torch

from agents.models import random_numbers
from agents.models.random_numbers import in_groups, new_key, philox, uniform_numbers
from tests.agents.chi_square import P_VALUE, chi_square_p_value

KNOWN = [  # the known-answer vectors that the authors of the generator publish with it: counter, key, words
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_the_words_are_the_published_ones(counter, key, expected):
    found = philox([torch.tensor([word]) for word in words(counter)], tuple(words(key)))
    assert [int(word) for word in found] == words(expected)


def table(key=17, rows=400, columns=250):
    return uniform_numbers(key, torch.arange(rows), columns)


def test_they_lie_on_a_grid_below_one():
    numbers = table()
    assert numbers.dtype == torch.float32
    assert numbers.min() >= 0
    assert numbers.max() < 1
    steps = numbers.double() * 2**24
    assert torch.equal(steps, steps.round())


def test_the_largest_word_does_not_become_one(monkeypatch):
    monkeypatch.setattr(random_numbers, "philox", lambda counter, key: [torch.full_like(counter[0], 2**32 - 1)] * 4)
    assert table(columns=1).max() == 1 - 2.0**-24


def test_they_are_uniform():
    counts = np.histogram(table().numpy(), bins=1000, range=(0, 1))[0]
    assert chi_square_p_value(counts, np.full(1000, counts.sum() / 1000)) > P_VALUE


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("apart", [1, 2, 4])
def test_neighbours_are_independent(axis, apart):
    """Numbers of neighbouring responses, of neighbouring positions, and of those of neighbouring counters."""
    numbers = table().numpy()
    left, right = np.split(np.arange(numbers.shape[axis]), [apart])[1] - apart, np.arange(apart, numbers.shape[axis])
    pairs = [np.take(numbers, places, axis).ravel() for places in (left, right)]
    assert independent(*pairs) > P_VALUE
    assert independent(pairs[0], (pairs[0] + pairs[1] / 4) % 1) < P_VALUE, "the test would find a dependence"


def independent(left, right):
    counts = np.histogram2d(left, right, bins=20, range=[[0, 1], [0, 1]])[0]
    return chi_square_p_value(counts, np.full(counts.shape, counts.mean()))


@pytest.mark.parametrize("other", [18, 17 + 2**32, 17 + 2**62])
def test_neighbouring_keys_give_independent_numbers(other):
    assert independent(table().numpy().ravel(), table(other).numpy().ravel()) > P_VALUE


def test_a_number_belongs_to_its_place(monkeypatch):
    whole = table()
    some = torch.tensor([7, 399, 7, 0])
    assert torch.equal(uniform_numbers(17, some, 250), whole[some])
    assert torch.equal(uniform_numbers(17, torch.arange(400), 9), whole[:, :9])
    monkeypatch.setattr(random_numbers, "COUNTERS", 100)  # what is computed at a time
    assert torch.equal(table(), whole)


def test_large_numbers_of_responses_count_in_full():
    numbers = torch.tensor([0, 2**32, 2**40, 2**32 + 1])
    assert len(uniform_numbers(17, numbers, 8).unique(dim=0)) == 4


def test_a_key_is_drawn_from_torch_generator():
    torch.manual_seed(0)
    keys = [new_key() for _ in range(3)]
    assert len(set(keys)) == 3
    torch.manual_seed(0)
    assert [new_key() for _ in range(3)] == keys
    assert max(keys) > 2**32


def test_responses_to_one_prompt_have_successive_numbers():
    assert in_groups(torch.tensor([5, 0]), 3).tolist() == [15, 16, 17, 0, 1, 2]


def test_no_columns_and_no_rows():
    assert uniform_numbers(1, torch.arange(3), 0).shape == (3, 0)
    assert uniform_numbers(1, torch.arange(0), 5).shape == (0, 5)
