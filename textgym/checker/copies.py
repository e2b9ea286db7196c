"""Copies, pickles and snapshots of an episode that is going on: each goes on as the episode itself does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.trace import Outcome, Trace, difference

Copy = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]


def check_deepcopy(subject: Subject) -> None:
    """A deep copy in mid-episode goes on alike, and apart from the original."""
    _check_copies(subject, copy.deepcopy, "deep copy")


def check_pickle(subject: Subject) -> None:
    """A pickle in mid-episode goes on alike."""
    _check_copies(subject, lambda env: pickle.loads(pickle.dumps(env)), "pickle")


def _check_copies(subject: Subject, copied: Copy, kind: str) -> None:
    for whole in subject.episodes():
        half = len(whole.actions) // 2
        trace = subject.trace()
        trace.reset(whole.seed)
        trace.follow(whole.actions[:half])
        try:
            twin = copied(trace.env)
        except Exception as error:
            trace.fail(f"an environment must have a {kind} in mid-episode", f"{type(error).__name__}: {error}", error)
        expected = _rest(subject, trace, whole.actions[half:])
        other = _resumed(trace, twin, whole.actions[:half])
        if found := difference(expected, _rest(subject, other, whole.actions[half:])):
            other.fail(f"a {kind} after {half} actions must go on as the original does", found)


def check_snapshots(subject: Subject) -> None:
    """A snapshot in mid-episode goes on alike, in the same environment and in another."""
    if not subject.env.has_wrapper_attr("snapshot"):
        raise DoesNotApply("it has no snapshot()")
    for whole in subject.episodes():
        half = len(whole.actions) // 2
        trace = subject.trace()
        trace.reset(whole.seed)
        trace.follow(whole.actions[:half])
        snapshot = trace.env.get_wrapper_attr("snapshot")()
        if foreign := _foreign(snapshot):
            trace.fail("a snapshot must hold JSON values and arrays only", foreign)
        kept = copy.deepcopy(snapshot)
        expected = _rest(subject, trace, whole.actions[half:])
        for env in (trace.env, subject.another()):
            env.reset(seed=subject.seed + 99)
            observation = env.get_wrapper_attr("restore")(copy.deepcopy(kept))
            other = _resumed(trace, env, whole.actions[:half])
            if not np.array_equal(observation, whole.outcomes[half][0]):
                other.fail("restore() must return the observation of the snapshot", f"{observation!r}")
            if found := difference(expected, _rest(subject, other, whole.actions[half:])):
                other.fail(f"a snapshot after {half} actions must go on as the episode did", found)


def _rest(subject: Subject, trace: Trace, actions: list[Any]) -> list[Outcome]:
    """Return what the rest of an episode leads to, and the next two resets."""
    outcomes = trace.follow(actions)
    for _ in range(2):
        again = subject.trace(trace.env)
        again.reset()
        outcomes += again.outcomes
    return outcomes


def _resumed(trace: Trace, env: gym.Env[Any, Any], actions: list[Any]) -> Trace:
    """Return what plays ``env``, which stands after ``actions``."""
    other = copy.copy(trace)
    other.env, other.actions, other.outcomes = env, list(actions), list(trace.outcomes)
    return other


def _foreign(value: Any) -> str:
    """Name the first value that is neither JSON's nor an array."""
    if isinstance(value, dict):
        return next(filter(None, [*map(_foreign, value.values()), *map(_foreign_key, value)]), "")
    if isinstance(value, (list, tuple)):
        return next(filter(None, map(_foreign, value)), "")
    plain = value is None or isinstance(value, (bool, int, float, str, np.generic, np.ndarray))
    return "" if plain else f"{value!r} ({type(value).__name__})"


def _foreign_key(key: Any) -> str:
    return "" if isinstance(key, str) else f"the key {key!r}"
