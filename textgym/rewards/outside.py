"""Rewards that live outside this process: how they are asked, and what happens when they do not answer.

Every one of them speaks the same JSON. A question is ``{"responses": [...], "prompts": [...], "references": [[...]],
"metadata": [{...}]}``, each list of N; the answer is ``{"scores": [...]}``, N finite numbers within the bounds, or
``{"error": "..."}``.
"""

from __future__ import annotations

import json
import math
import random
import time
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np
from gymnasium import logger

from textgym.arguments import choice, real_number, whole_number
from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError, RewardError
from textgym.rewards.judge import check_lengths
from textgym.rewards.signature import signature

LONGEST_ANSWER = 2**20  # bytes
FIRST_PAUSE = 0.25  # seconds; doubled for each further attempt, and shortened by chance
FAILURES_IN_A_ROW = 5
FAULTS = ("timeouts", "retries", "respawns", "substituted")


class OutsideError(Exception):
    """An attempt that failed. ``lasting``: another would too. ``pause``: seconds before it. ``late``: time was up."""

    def __init__(self, problem: str, lasting: bool = False, pause: float | None = None, late: bool = False) -> None:
        super().__init__(problem)
        self.lasting = lasting
        self.pause = pause
        self.late = late


class OutsideReward(Reward):
    """A reward that is asked in batches. A subclass gives :meth:`ask`.

    Args:
        name: For tables.
        bounds: The least and the greatest score.
        batch_size: The greatest N of one question.
        workers: How many questions are asked at a time.
        timeout: Seconds for one attempt, from its beginning to the last byte of the answer.
        retries: How many further attempts are made where that may help: no connection, a status of 429 or 5xx, an
            answer that breaks off, a program that died.
        patience: Seconds for all attempts of one question; no attempt is made that a pause would put beyond them.
        on_error: What a question without an answer does: "raise" RewardError, or score its responses with the lower
            bound, "floor", count them in ``faults`` and warn. Five such questions in a row raise an error all the same.

    Attributes:
        fault_counts: Since the reward was made, in this process: attempts that were not answered in time, ``timeouts``;
            attempts beyond the first, ``retries``; programs that were started in place of one that ended, ``respawns``;
            and responses that got the lower bound because nobody answered, ``substituted``. Learners log them.
    """

    def __init__(
        self,
        name: str,
        *,
        bounds: tuple[float, float] = (0.0, 1.0),
        batch_size: int = 64,
        workers: int = 1,
        timeout: float = 30.0,
        retries: int = 3,
        patience: float = 60.0,
        on_error: str = "raise",
    ) -> None:
        self.name = name
        self.bounds = _checked_bounds(bounds)
        self.batch_size = _at_least("batch_size", whole_number("batch_size", batch_size), 1)
        self.workers = _at_least("workers", whole_number("workers", workers), 1)
        self.retries = _at_least("retries", whole_number("retries", retries), 0)
        self.timeout = _seconds("timeout", timeout)
        self.patience = _seconds("patience", patience)
        self.on_error = choice("on_error", on_error, ("raise", "floor"))
        if on_error == "floor" and not math.isfinite(self.bounds[0]):
            raise ConfigError(f"on_error='floor' needs a finite lower bound, got bounds={self.bounds}.")
        self._faults = dict.fromkeys(FAULTS, 0)
        self._in_a_row = 0
        self._lock = Lock()

    @property
    def fault_counts(self) -> dict[str, int]:
        """How often what went wrong."""
        with self._lock:
            return dict(self._faults)

    @property
    def faults(self) -> int:
        """How many responses got the lower bound because nobody answered."""
        return self._faults["substituted"]

    def count_fault(self, fault: str, times: int = 1) -> None:
        """Add to one of the :attr:`fault_counts`."""
        with self._lock:
            self._faults[fault] += times

    @abstractmethod
    def ask(self, question: bytes, timeout: float) -> bytes:
        """Return the answer, of at most ``LONGEST_ANSWER`` bytes, within ``timeout`` seconds.

        Raises:
            OutsideError: There is none.
        """

    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N]."""
        check_lengths(self.name, responses, samples)
        starts = range(0, len(responses), self.batch_size)
        parts = [(responses[i : i + self.batch_size], samples[i : i + self.batch_size]) for i in starts]
        if self.workers == 1 or len(parts) < 2:
            scores = [self._batch(*part) for part in parts]
        else:
            with ThreadPoolExecutor(min(self.workers, len(parts))) as pool:
                scores = list(pool.map(lambda part: self._batch(*part), parts))
        return np.array([score for part in scores for score in part], dtype=object)  # the judge looks at each

    def _batch(self, responses: Sequence[str], samples: Sequence[Sample]) -> list[Any]:
        try:
            answer = self.answered(question_of(responses, samples))
            scores = _scores(answer, len(responses))
        except OutsideError as error:
            return self._without_answer(len(responses), error)
        with self._lock:
            self._in_a_row = 0
        return scores

    def answered(self, question: bytes) -> bytes:
        """Return the answer to a question, after as many attempts as it takes and as are allowed.

        Raises:
            OutsideError: No attempt was answered.
        """
        deadline = time.monotonic() + self.patience
        for attempt in range(self.retries + 1):
            self.count_fault("retries", int(attempt > 0))
            try:
                return self.ask(question, max(0.001, min(self.timeout, deadline - time.monotonic())))
            except OutsideError as error:
                self.count_fault("timeouts", int(error.late))
                pause = error.pause if error.pause is not None else FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1)
                left = deadline - time.monotonic()
                if error.lasting or attempt == self.retries or left <= pause:
                    tried = f" ({attempt + 1} attempts)" if attempt else ""
                    raise OutsideError(f"{error}{tried}", lasting=True) from error
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _without_answer(self, count: int, error: OutsideError) -> list[float]:
        with self._lock:
            self._in_a_row += 1
            row = self._in_a_row
        if self.on_error == "raise":
            raise RewardError(f"The reward {self.name!r} gave no scores for {count} responses: {error}") from error
        if row >= FAILURES_IN_A_ROW:
            raise RewardError(
                f"The reward {self.name!r} gave no scores {row} times in a row, so it is asked no more: {error}"
            ) from error
        self.count_fault("substituted", count)
        logger.warn(f"The reward {self.name!r} gave no scores: {count} responses get {self.bounds[0]:g}. {error}")
        return [self.bounds[0]] * count

    @property
    def signature(self) -> str:
        """The name; what is outside is not known."""
        return signature(self.name, "sentence", outside="yes")

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._faults = dict(self._faults)  # a copy's are its own
        self._lock = Lock()


def question_of(responses: Sequence[str], samples: Sequence[Sample]) -> bytes:
    """Return the question about N responses as one line of JSON; of metadata that JSON lacks the repr is sent."""
    question = {
        "responses": list(responses),
        "prompts": [sample.prompt for sample in samples],
        "references": [list(sample.references) for sample in samples],
        "metadata": [dict(sample.metadata) for sample in samples],
    }
    return json.dumps(question, default=repr, skipkeys=True).encode("ascii")


def _scores(answer: bytes, count: int) -> list[Any]:
    """Return the scores in an answer; the judge looks at each of them."""
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise OutsideError(f"the answer is no JSON: {error}, got {answer[:80]!r}.", lasting=True) from None
    if isinstance(told, dict) and "error" in told:
        raise OutsideError(f"the other side says: {str(told['error'])[:2000]}", lasting=True)
    scores = told.get("scores") if isinstance(told, dict) else None
    if not isinstance(scores, list):
        raise OutsideError(f'the answer must be {{"scores": [...]}}, got {answer[:80]!r}.', lasting=True)
    if len(scores) != count:
        raise OutsideError(f"the answer must have {count} scores, one for each response, got {len(scores)}.", True)
    return scores


def _at_least(name: str, number: int, least: int) -> int:
    if number < least:
        raise ConfigError(f"{name} must be at least {least}, got {number}.")
    return number


def _seconds(name: str, value: Any) -> float:
    seconds = real_number(name, value)
    if not 0 < seconds <= 86_400:
        raise ConfigError(f"{name} is in seconds, above 0 and at most a day, got {value}.")
    return seconds


def _checked_bounds(bounds: Any) -> tuple[float, float]:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ConfigError(f"bounds are two numbers, the least and the greatest score, got {bounds!r}.")
    low, high = (real_number("bounds", bound) for bound in bounds)
    if not low < high:
        raise ConfigError(f"The lower bound must be below the upper one, got {bounds!r}.")
    return low, high
