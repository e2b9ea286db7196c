import copy
import pickle

import pytest

from textgym.rewards import positions
from textgym.rewards.positions import Positions


@pytest.mark.parametrize(("short", "dense"), [(100, 100), (1, 100), (1, 1)])
def test_positions_are_the_bits_of_integers(monkeypatch, short, dense):
    monkeypatch.setattr(positions, "SHORT", short)
    monkeypatch.setattr(positions, "DENSE", dense)
    known = Positions("abac")
    assert known.length == 4
    assert [known.where.get(letter) for letter in "abcd"] == [0b101, 0b10, 0b1000, None]
    assert known.where.get("d", 0) == 0
    assert len(known.where) == (0 if dense == 1 else 3)
    for twin in (copy.deepcopy(known), pickle.loads(pickle.dumps(known))):
        assert twin.where.get("a") == 0b101


def test_positions_of_long_texts_agree_with_those_of_short_ones(monkeypatch):
    text = [str(i * i % 97) for i in range(400)]
    quick = Positions(text).where
    monkeypatch.setattr(positions, "SHORT", 300)
    assert Positions(text).where == quick
