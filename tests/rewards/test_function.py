import copy
import pickle

import numpy as np
import pytest

from textgym.core import Sample
from textgym.errors import RewardError
from textgym.rewards import FunctionReward
from textgym.rewards.judge import judge

SAMPLES = [Sample("first", "a"), Sample("second", "b")]


def length(response, sample):
    return len(response) - len(sample.references[0])


def test_a_function_is_asked_row_by_row():
    reward = FunctionReward(length)
    scores = reward(["abc", "b"], SAMPLES)
    assert scores.dtype == np.float64
    assert scores.tolist() == [2.0, 0.0]
    assert reward.name == "length"
    assert reward.bounds == (-np.inf, np.inf)
    assert reward.corpus(["abc", "b"], SAMPLES) == 1.0


def test_signature_tells_where_the_function_was_written():
    signature = FunctionReward(length, "mine").signature
    assert signature.startswith("mine|sentence|function:")
    assert "test_function.length|textgym:" in signature


def test_a_callable_object_needs_no_name():
    class Counter:
        def __call__(self, response, sample):
            return 1

    reward = FunctionReward(Counter())
    assert reward.name == "Counter"
    assert "function:" in reward.signature


def test_bounds_are_enforced():
    with pytest.raises(
        RewardError, match=r"'length' .* at row 0 \(prompt 'first'\): scores must lie in \[0, 1\], got 2"
    ):
        judge(FunctionReward(length, bounds=(0, 1)), ["abc", "b"], SAMPLES)


def test_an_exception_names_row_prompt_and_response():
    def failing(response, sample):
        return 1 / len(response)

    message = (
        r"The reward 'failing' failed at row 1 \(prompt 'second', response ''\) with ZeroDivisionError: division by"
    )
    with pytest.raises(RewardError, match=message) as caught:
        judge(FunctionReward(failing), ["a", ""], SAMPLES)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(("value", "got"), [(None, "NoneType: None"), ("1", "str: '1'"), (1j, "complex: 1j")])
def test_a_value_that_is_no_number_names_its_row(value, got):
    reward = FunctionReward(lambda response, sample: value, "odd")
    with pytest.raises(
        RewardError, match=rf"'odd' .* at row 0 \(prompt 'first'\): it must return one real number, got {got}"
    ):
        reward(["a", "b"], SAMPLES)


def test_nan_is_refused_by_the_judge():
    with pytest.raises(RewardError, match=r"'odd' .* at row 0 .*: scores must be finite, got nan"):
        judge(FunctionReward(lambda response, sample: float("nan"), "odd"), ["a", "b"], SAMPLES)


def test_function_rewards_pickle_and_copy():
    reward = FunctionReward(abs_difference)
    for twin in (pickle.loads(pickle.dumps(reward)), copy.deepcopy(reward)):
        assert twin(["abc", "b"], SAMPLES).tolist() == [2.0, 0.0]


def abs_difference(response, sample):
    return abs(length(response, sample))
