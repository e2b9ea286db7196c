import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU as Oracle
from sacrebleu.significance import PairedTest

from textgym import statistics
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.rewards.bleu import BLEU
from textgym.statistics import bootstrap_interval, interquartile_mean, mean_interval, paired_bootstrap


def ratio(totals, count):
    return totals[:, 0] / totals[:, 1] + 0 * count


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    return np.stack([rng.poisson(5, 40), rng.poisson(9, 40) + 1], axis=1).astype(float)


def resampled(rows, seed, resamples):
    """The same draws, row by row."""
    return [rows[draw].sum(axis=0) for draw in np.random.default_rng(seed).integers(40, size=(resamples, 40))]


def test_interval_agrees_with_resampling_row_by_row(rows):
    low, high = bootstrap_interval(rows, ratio, np.random.default_rng(3), resamples=200, level=0.9)
    scores = [total[0] / total[1] for total in resampled(rows, 3, 200)]
    assert (low, high) == pytest.approx(np.quantile(scores, [0.05, 0.95]), abs=1e-12)


@pytest.mark.parametrize("chunk", [1, 40 * 7, 2**21])
def test_chunks_do_not_change_the_interval(rows, monkeypatch, chunk):
    expected = bootstrap_interval(rows, ratio, np.random.default_rng(3), resamples=100)
    monkeypatch.setattr(statistics, "CHUNK", chunk)
    assert bootstrap_interval(rows, ratio, np.random.default_rng(3), resamples=100) == expected


def test_interval_agrees_with_scipy():
    scipy_stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(0).normal(size=300)
    theirs = scipy_stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=0
    ).confidence_interval
    assert mean_interval(values, np.random.default_rng(0), 20_000) == pytest.approx(
        (theirs.low, theirs.high), abs=0.005
    )


def test_mean_interval_agrees_with_the_normal_one():
    values = np.random.default_rng(0).normal(3, 2, size=2000)
    low, high = mean_interval(values, np.random.default_rng(1), resamples=5000)
    half = 1.96 * values.std() / math.sqrt(2000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.06 * half)


def test_mean_interval_of_two_values_agrees_with_the_binomial():
    # a resample of n values out of {0, 1} has a binomial mean
    values = np.repeat([0.0, 1.0], 50)
    low, high = mean_interval(values, np.random.default_rng(1), resamples=20_000)
    assert (low, high) == pytest.approx((0.40, 0.60), abs=0.011)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [low <= 1 <= high for low, high in (mean_interval(rng.exponential(size=60), rng, 400) for _ in range(300))]
    assert 0.89 < np.mean(hits) < 0.98


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.3] * 7, np.random.default_rng(0)) == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize(("drop", "significant"), [(0.0, None), (0.02, None), (0.3, True)])
def test_paired_bootstrap_agrees_with_sacrebleu(drop, significant):
    rng = np.random.default_rng(7)
    words = [f"w{i}" for i in range(30)]
    references = [" ".join(rng.choice(words, 12)) for _ in range(80)]

    def system(rate):
        return [" ".join(w for w in text.split() if rng.random() > rate) for text in references]

    a, b = system(0.2), system(0.2 + drop)
    _, table = PairedTest([("a", a), ("b", b)], {"BLEU": Oracle()}, [references], test_type="bs", n_samples=300)()
    baseline, other = table["BLEU"]

    reward, samples = BLEU(), [Sample("", text) for text in references]
    ours = paired_bootstrap(
        reward.statistics(a, samples),
        reward.statistics(b, samples),
        reward.aggregate,
        np.random.default_rng(12345),  # the seed that sacrebleu uses
        resamples=300,
    )
    assert 100 * ours.difference == pytest.approx(baseline.score - other.score, abs=1e-4)
    assert ours.p_value == pytest.approx(other.p_value, abs=1e-9)
    assert ours.low < ours.difference < ours.high
    if significant:
        assert ours.p_value < 0.05
        assert ours.low > 0


def test_paired_bootstrap_of_a_system_with_itself_finds_nothing(rows):
    result = paired_bootstrap(rows, rows, ratio, np.random.default_rng(0))
    assert result == (0.0, 0.0, 0.0, 1.0)


def test_paired_bootstrap_uses_the_same_rows_for_both(rows):
    better = rows + np.array([1.0, 0.0])  # one more in every row, so that the difference is 40 / the drawn denominator
    result = paired_bootstrap(better, rows, ratio, np.random.default_rng(5), resamples=100, level=0.8)
    differences = [40 / total[1] for total in resampled(rows, 5, 100)]
    assert (result.low, result.high) == pytest.approx(np.quantile(differences, [0.1, 0.9]), abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([5], 5), ([1, 2, 30], 11), ([4, 1, 3, 2], 2.5), (np.arange(1, 9).reshape(2, 4), 4.5), ([0, 1, 1, 1, 100], 1)],
)
def test_interquartile_mean_agrees_with_hand_computation(scores, expected):
    assert interquartile_mean(scores) == expected


def test_interquartile_mean_agrees_with_scipy():
    scipy_stats = pytest.importorskip("scipy.stats")
    scores = np.random.default_rng(0).normal(size=(7, 9))
    assert interquartile_mean(scores) == pytest.approx(scipy_stats.trim_mean(scores, 0.25, axis=None), abs=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 2)), np.zeros((2, 0)), np.array([[np.nan]])])
def test_statistics_must_be_a_finite_matrix(bad):
    with pytest.raises(ConfigError, match=r"Statistics must be a finite matrix \[N, K\] .* got shape"):
        bootstrap_interval(bad, ratio, np.random.default_rng(0))


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 1.0}, {"level": 0.0}])
def test_resamples_and_level_are_checked(options, rows):
    message = r"resamples must be at least 1 and level between 0 and 1, got"
    with pytest.raises(ConfigError, match=message):
        bootstrap_interval(rows, ratio, np.random.default_rng(0), **options)
    with pytest.raises(ConfigError, match=message):
        paired_bootstrap(rows, rows, ratio, np.random.default_rng(0), **options)


def test_paired_systems_must_have_the_same_shape(rows):
    with pytest.raises(ConfigError, match=r"answered the same samples: got statistics \(40, 2\) and \(39, 2\)"):
        paired_bootstrap(rows, rows[1:], ratio, np.random.default_rng(0))


@pytest.mark.parametrize("bad", [[], [1.0, np.nan]])
def test_interquartile_mean_needs_finite_scores(bad):
    with pytest.raises(ConfigError, match="An interquartile mean needs at least one score and finite ones"):
        interquartile_mean(bad)
