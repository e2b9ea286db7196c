from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from textgym.core import Reward, Sample
from textgym.errors import RewardError
from textgym.rewards.judge import judge

SAMPLES = [Sample("first prompt"), Sample("second\nprompt " * 10)]


class Canned(Reward):
    name = "canned"

    def __init__(self, values, bounds=(0.0, 1.0)):
        self.values = values
        self.bounds = bounds

    def __call__(self, responses, samples):
        return self.values


def judged(values, bounds=(0.0, 1.0)):
    return judge(Canned(values, bounds), ["a", "b"], SAMPLES)


@pytest.mark.parametrize(
    "values",
    [
        [0, 1],
        (False, np.True_),
        [Decimal(0), Fraction(1)],
        [np.float32(0), np.int8(1)],
        [np.array(0.0), 1.0],
        np.array([0, 1], dtype=np.int64),
        np.array([False, True]),
        np.array([0, 1], dtype=object),
    ],
)
def test_any_real_numbers_become_float64(values):
    scores = judged(values)
    assert scores.dtype == np.float64
    assert scores.tolist() == [0.0, 1.0]


def test_tensors_with_gradients_become_float64():
    torch = pytest.importorskip("torch")
    assert judged(torch.tensor([0.0, 1.0], requires_grad=True)).tolist() == [0.0, 1.0]


def test_the_reward_keeps_its_own_array():
    values = np.array([0.0, 1.0])
    judged(values)[0] = 7
    assert values[0] == 0.0


def test_tiny_overshoots_are_clamped():
    assert judged([-9e-7, 1.0000000000000004]).tolist() == [0.0, 1.0]


def test_unbounded_rewards_pass():
    assert judged([-1e300, 5], bounds=(-np.inf, np.inf)).tolist() == [-1e300, 5.0]


AT_ROW_1 = r"The reward 'canned' broke its contract at row 1 \(prompt 'second\\nprompt .*\.\.\.'\): "


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.5], r"The reward 'canned' must return 2 numbers, one for each response, got 1\."),
        (np.zeros((3, 2)), r"must return 2 numbers, one for each response, got 3\."),
        (0.5, r"must return 2 numbers, one for each response, got float: 0\.5"),
        (np.float64(0.5), r"must return 2 numbers, .* got float64: np\.float64\(0\.5\)"),
        (np.array(0.5), r"must return 2 numbers, .* got ndarray"),
        (None, r"must return 2 numbers, .* got NoneType: None"),
        ("ab", r"must return 2 numbers, .* got str: 'ab'"),
        ({0: 1, 1: 1}, r"must return 2 numbers, .* got dict"),
        ((x for x in (0, 1)), r"must return 2 numbers, .* got generator"),
        ([0, None], AT_ROW_1 + r"each score must be one real number, got NoneType: None\."),
        ([0, "1"], AT_ROW_1 + r"each score must be one real number, got str: '1'\."),
        ([0, 1j], AT_ROW_1 + r"each score must be one real number, got complex: 1j\."),
        (np.array([0, 1j]), r"at row 0 .*: each score must be one real number, got complex"),
        ([0, 10**400], AT_ROW_1 + r"each score must be one real number, got int: 1000"),
        ([0, [1]], AT_ROW_1 + r"each score must be one real number, got list: \[1\]\."),
        (np.zeros((2, 1)), r"at row 0 .*: each score must be one real number, got ndarray"),
        ([0, np.nan], AT_ROW_1 + r"scores must be finite, got nan: score what cannot be judged with a number\."),
        ([0, -np.inf], AT_ROW_1 + r"scores must be finite, got -inf"),
        ([0, 1.00001], AT_ROW_1 + r"scores must lie in \[0, 1\], got 1\.00001: correct the score or `bounds`\."),
        ([0, -0.1], AT_ROW_1 + r"scores must lie in \[0, 1\], got -0\.1"),
    ],
)
def test_broken_contracts_name_reward_row_and_prompt(values, message):
    with pytest.raises(RewardError, match=message):
        judged(values)


def test_an_unbounded_reward_must_still_be_finite():
    with pytest.raises(RewardError, match="scores must be finite, got inf"):
        judged([0, np.inf], bounds=(-np.inf, np.inf))


def test_an_exception_of_a_reward_is_chained():
    class Failing(Canned):
        def __call__(self, responses, samples):
            raise KeyError("lost")

    message = (
        r"The reward 'canned' failed on a batch of 2 responses with KeyError: 'lost'\. A reward must judge any text"
    )
    with pytest.raises(RewardError, match=message) as caught:
        judge(Failing([]), ["a", "b"], SAMPLES)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_that_already_names_its_row_passes_unchanged():
    class Failing(Canned):
        def __call__(self, responses, samples):
            raise RewardError("at row 7")

    with pytest.raises(RewardError, match=r"^at row 7$"):
        judge(Failing([]), ["a", "b"], SAMPLES)


@pytest.mark.parametrize(
    ("responses", "got"), [(["a"], "1 responses and 2 samples"), ("ab", "one str")], ids=["count", "str"]
)
def test_responses_and_samples_must_pair(responses, got):
    with pytest.raises(RewardError, match=rf"'canned' takes a list of responses and as many samples, got {got}\."):
        judge(Canned([0, 1]), responses, SAMPLES)
