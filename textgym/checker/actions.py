"""What is allowed, what becomes of an action that is not, and of what is no action at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction

from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.trace import Trace, difference, plain


def check_masks(subject: Subject) -> None:
    """``action_masks()`` is bool, as long as the action space says, never empty, and what the space allows."""
    if not subject.env.has_wrapper_attr("action_masks"):
        raise DoesNotApply("it has no action_masks()")
    for seed in subject.seeds():
        trace, rng = subject.trace(), np.random.default_rng(seed)
        trace.reset(seed)
        while not trace.ended and len(trace.actions) < 200:
            _check_mask(subject, trace)
            trace.step(subject.choose(trace, rng))


def _check_mask(subject: Subject, trace: Trace) -> None:
    mask, parts = trace.env.get_wrapper_attr("action_masks")(), _sizes(subject.env.action_space)
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != (sum(parts),):
        trace.fail(f"action_masks() must be a bool array of shape ({sum(parts)},)", _kind(mask))
    if not all(part.any() for part in np.split(mask, np.cumsum(parts)[:-1])):
        trace.fail("action_masks() must allow something as long as the episode goes on", "a mask without a True")
    if subject.writes and subject.space is not None:
        turn_lengths = getattr(subject.space, "turn_lengths", None)
        row = trace.observation[None]
        lengths = turn_lengths(row) if turn_lengths else np.array([subject.written(trace.observation)])
        expected = subject.space.allowed(lengths)[0]
        if not np.array_equal(mask, expected):
            ids = np.flatnonzero(mask != expected)[:5].tolist()
            trace.fail("action_masks() must be what the observation space allows", f"another answer for the ids {ids}")


def check_refused_actions(subject: Subject) -> None:
    """An action that the mask refuses is marked, or raises and changes nothing; one that it allows is not marked."""
    rng, seed = np.random.default_rng(subject.seed), subject.seed
    trace = subject.trace()
    trace.reset(seed)
    mask = subject.mask(trace)
    if mask is None:
        raise DoesNotApply("it tells no mask")
    refused = _refused(subject.env.action_space, mask, subject.choose(trace, rng))
    if refused is None:
        raise DoesNotApply("its mask refuses nothing at the start")
    try:
        *_, info = trace.env.step(refused)
        trace.actions.append(refused)
    except InvalidAction:
        _check_unchanged(subject, trace, f"the refused action {plain(refused)}")
    else:
        if info.get("invalid_action") is not True:
            trace.fail("an action that the mask refuses must be marked, info['invalid_action'] = True", f"{info}")
    for trace in subject.episodes():
        for count, outcome in enumerate(trace.outcomes[1:], start=1):
            if isinstance(subject.env.action_space, spaces.Discrete) and outcome[4].get("invalid_action"):
                trace.actions = trace.actions[:count]
                trace.fail("an action that the mask allows must not be marked", f"{outcome[4]}")


def check_foreign_actions(subject: Subject) -> None:
    """What is no action raises ``gymnasium.error.InvalidAction`` and changes nothing."""
    for action in _foreign(subject.env.action_space):
        trace = subject.trace()
        trace.reset(subject.seed)
        try:
            trace.env.step(action)
        except InvalidAction:
            _check_unchanged(subject, trace, f"the action {action!r}")
        except Exception as error:
            _fail_foreign(trace, action, f"{type(error).__name__}: {error}", error)
        else:
            _fail_foreign(trace, action, "a step")


def _fail_foreign(trace: Trace, action: Any, got: str, error: Exception | None = None) -> None:
    trace.actions.append(action)
    trace.fail(f"{action!r} is no action, so step() must raise gymnasium.error.InvalidAction", got, error)


def _check_unchanged(subject: Subject, trace: Trace, what: str) -> None:
    """Go on after an action that raised, and compare with an episode without it."""
    expected, rng = subject.trace(subject.another()), np.random.default_rng(subject.seed)
    expected.reset(trace.seed)
    subject.play(expected, rng, steps=5)
    trace.follow(expected.actions)
    if found := difference(expected.outcomes, trace.outcomes):
        trace.fail(f"{what}, which raised, must change nothing", found)


def _sizes(actions: spaces.Space[Any]) -> list[int]:
    """Return the numbers of values of each part of an action, as MaskablePPO has their masks in one row."""
    if isinstance(actions, spaces.Discrete):
        return [int(actions.n)]
    if isinstance(actions, spaces.MultiDiscrete):
        return [int(n) for n in actions.nvec.ravel()]
    if isinstance(actions, spaces.MultiBinary):
        return [2] * int(np.prod(actions.shape))
    raise DoesNotApply(f"masks are for numbered actions, not for {actions}")


def _refused(actions: spaces.Space[Any], mask: np.ndarray, allowed: Any) -> Any:
    """Return an action that ``mask`` refuses, else None."""
    if isinstance(actions, spaces.Discrete):
        return int(np.flatnonzero(~mask)[0] + actions.start) if not mask.all() else None
    if not isinstance(actions, spaces.MultiDiscrete) or actions.nvec.ndim != 1 or mask.all():
        return None
    place = int(np.flatnonzero(~mask)[0])
    starts = np.concatenate([[0], np.cumsum(actions.nvec)])
    part = int(np.searchsorted(starts, place, side="right") - 1)
    refused = np.array(allowed)
    refused[part] = place - starts[part]
    return refused


def _foreign(actions: spaces.Space[Any]) -> list[Any]:
    if isinstance(actions, spaces.Discrete):
        low, high = int(actions.start), int(actions.start + actions.n)
        return [low - 1, high, low + 0.5, None, "0", [low, low, low, low, low, low, low]]
    if isinstance(actions, spaces.MultiDiscrete):
        return [np.array(actions.nvec), np.full(actions.shape, -1), np.zeros(7 + len(actions.nvec), int), None, "0"]
    return [None, "0"]


def _kind(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
