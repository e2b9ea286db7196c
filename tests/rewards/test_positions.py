import copy
import pickle

import pytest

from textgym.rewards import positions
from textgym.rewards.positions import Positions


@pytest.mark.parametrize("long", [1, 100])
def test_positions_are_the_bits_of_integers(monkeypatch, long):
    monkeypatch.setattr(positions, "LONG", long)
    known = Positions("abac")
    assert known.length == 4
    assert [known.where.get(letter) for letter in "abcd"] == [0b101, 0b10, 0b1000, None]
    assert known.where.get("d", 0) == 0
    for twin in (copy.deepcopy(known), pickle.loads(pickle.dumps(known))):
        assert twin.where.get("a") == 0b101


def test_positions_of_long_texts_agree_with_those_of_short_ones(monkeypatch):
    text = [str(i * i % 97) for i in range(400)]
    dense = Positions(text)
    monkeypatch.setattr(positions, "LONG", 300)
    sparse = Positions(text)
    assert len(sparse.where) == 0
    assert all(sparse.where.get(word) == bits for word, bits in dense.where.items())
