"""Agreement with people, against hand-computed cases."""

import numpy as np
import pytest

from agents.scorers.measures import measured, pearson, spearman


def test_correlations():
    rng = np.random.default_rng(0)
    one = rng.normal(size=200)
    other = one + rng.normal(size=200)
    assert pearson(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-12)
    assert spearman(one, np.exp(one)) == pytest.approx(1.0)
    assert spearman(np.array([1.0, 2, 2, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.9486832980505138)  # scipy's
    assert pearson(np.ones(3), np.arange(3.0)) == 0.0


def test_classification_by_hand():
    numbers = np.log(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]))
    found = measured("classification", numbers, np.array([0.0, 1, 1, 1]), np.array([1.0, 1, 0]))
    assert found["accuracy"]["value"] == 0.75
    assert found["macro F1"]["value"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert found["log loss"]["value"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())
    assert found["calibration error"]["value"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert found["constant"] == {"accuracy": 0.75}


def test_pairs_and_numbers():
    found = measured("pairwise", np.array([[1.0], [-1], [0], [2]]), np.ones(4), np.ones(9))
    assert found["accuracy"]["value"] == pytest.approx(2.5 / 4)
    found = measured("regression", np.array([[1.0], [2], [4]]), np.array([1.0, 3, 3]), np.array([2.0, 4]))
    assert found["mean absolute error"]["value"] == pytest.approx(2 / 3)
    assert found["constant"]["mean absolute error"] == pytest.approx(2 / 3)


def test_an_interval_holds_its_value_and_shrinks_with_examples():
    rng = np.random.default_rng(0)
    widths = []
    for size in (50, 2_000):
        judgments = rng.normal(size=size)
        found = measured("regression", (judgments + rng.normal(size=size))[:, None], judgments, judgments)["pearson"]
        assert found["low"] < found["value"] < found["high"]
        widths.append(found["high"] - found["low"])
    assert widths[1] < 0.3 * widths[0]


def test_examples_about_the_same_are_drawn_together():
    rng = np.random.default_rng(0)
    once = rng.normal(size=100)
    numbers = once + rng.normal(size=100)
    ten_times = np.repeat(once, 10), np.repeat(numbers, 10)[:, None]
    subjects = [f"s{i}" for i in np.repeat(np.arange(100), 10)]
    apart = measured("regression", ten_times[1], ten_times[0], once)["pearson"]
    together = measured("regression", ten_times[1], ten_times[0], once, subjects=subjects)["pearson"]
    single = measured("regression", numbers[:, None], once, once)["pearson"]
    widths = [found["high"] - found["low"] for found in (apart, together, single)]
    assert widths[0] < 0.5 * widths[2]
    assert widths[1] == pytest.approx(widths[2], rel=0.15)
