"""The contract of a reward, enforced: one finite number within bounds for each response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from textgym.core import FloatArray, Reward, Sample
from textgym.errors import RewardError

TOLERANCE = 1e-6  # sacrebleu gives 100.00000000000004 for a perfect match; such overshoots are clamped
EXCERPT = 60  # characters


def judge(reward: Reward, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
    """Return the scores of ``responses``, float64 [N]: finite, within ``reward.bounds``.

    Raises:
        RewardError: The reward failed, gave another count than N, or gave something that is not a finite number
            within its bounds (beyond 1e-6, which is clamped). The message names the reward, the row and its prompt.
    """
    check_lengths(reward.name, responses, samples)
    return enforce(reward, lambda: reward(responses, samples), samples)


def enforce(reward: Reward, score: Callable[[], Any], samples: Sequence[Sample]) -> FloatArray:
    """Return what ``score`` gives for one response to each of ``samples``, held to the contract as by :func:`judge`."""
    try:
        values = score()
    except RewardError:
        raise
    except Exception as error:
        raise RewardError(
            f"The reward {reward.name!r} failed on a batch of {len(samples)} responses with "
            f"{type(error).__name__}: {error}. A reward must judge any text: catch what cannot be judged and score it."
        ) from error
    return checked(reward, values, samples)


def checked(reward: Reward, values: Any, samples: Sequence[Sample]) -> FloatArray:
    """Return what a reward gave as float64 [N], within its bounds.

    Raises:
        RewardError: As :func:`judge`.
    """
    scores = _numbers(reward.name, values, samples)
    low, high = reward.bounds
    if scores.size and not (low <= scores.min() and scores.max() <= high and np.isfinite(scores).all()):
        _check(reward, scores, samples)
        scores = np.clip(scores, low, high)
    return scores


def check_lengths(name: str, responses: Sequence[str], samples: Sequence[Sample]) -> None:
    """Raise RewardError unless there is one sample for each response."""
    if isinstance(responses, str) or len(responses) != len(samples):
        got = "one str" if isinstance(responses, str) else f"{len(responses)} responses and {len(samples)} samples"
        raise RewardError(f"The reward {name!r} takes a list of responses and as many samples, got {got}.")


def as_float(value: Any) -> float | None:
    """Return a number as a Python float; None for what is not one real number (None, str, complex, arrays)."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # NumPy scalars and tensors, also those that carry a gradient
    try:
        return float(value) if isinstance(value, Real | Decimal) else None
    except (OverflowError, ValueError):  # an int beyond the floats, a signalling NaN
        return None


def excerpt(text: str) -> str:
    """Return the beginning of a text, quoted, with control characters escaped."""
    return ascii(text if len(text) <= EXCERPT else text[:EXCERPT] + "...")


def _check(reward: Reward, scores: FloatArray, samples: Sequence[Sample]) -> None:
    """Raise RewardError at the first score that is not finite or beyond the bounds by more than ``TOLERANCE``."""
    low, high = reward.bounds
    valid = np.isfinite(scores) & (scores >= low - TOLERANCE) & (scores <= high + TOLERANCE)
    if valid.all():
        return
    row = int(np.argmin(valid))
    if np.isfinite(scores[row]):
        problem = f"scores must lie in [{low:g}, {high:g}], got {scores[row]}: correct the score or `bounds`."
    else:
        problem = f"scores must be finite, got {scores[row]}: score what cannot be judged with a number."
    _refuse(reward.name, problem, row, samples)


def _numbers(name: str, values: Any, samples: Sequence[Sample]) -> FloatArray:
    """Return ``values`` as float64 [N]."""
    expected = f"The reward {name!r} must return {len(samples)} numbers, one for each response, got"
    listed = hasattr(values, "__len__") and hasattr(values, "__getitem__") and getattr(values, "shape", None) != ()
    if not listed or isinstance(values, (str, bytes, Mapping)):
        raise RewardError(f"{expected} {type(values).__name__}: {values!r:.80}.")
    if len(values) != len(samples):
        raise RewardError(f"{expected} {len(values)}.")
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return np.array([_number(name, value, row, samples) for row, value in enumerate(values)], np.float64)


def _number(name: str, value: Any, row: int, samples: Sequence[Sample]) -> float:
    number = as_float(value)
    if number is None:
        _refuse(name, f"each score must be one real number, got {type(value).__name__}: {value!r:.80}.", row, samples)
    return number


def _refuse(name: str, problem: str, row: int, samples: Sequence[Sample]) -> NoReturn:
    where = f"row {row} (prompt {excerpt(samples[row].prompt)})"
    raise RewardError(f"The reward {name!r} broke its contract at {where}: {problem}")
