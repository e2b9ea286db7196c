"""Where chance comes from: the seed and nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from textgym.checker.subject import Subject
from textgym.checker.trace import Outcome, Trace, difference, same


def check_seeds(subject: Subject) -> None:
    """A seed decides everything, the episodes after the next reset included."""
    for seed in subject.seeds():
        again = subject.trace(subject.another())
        if found := difference(_two_episodes(subject, subject.trace(), seed), _two_episodes(subject, again, seed)):
            again.fail("the same seed and actions must lead to the same", found)
    if int(subject.attribute("num_samples", 1)) > 1:
        starts = [_start(subject, seed) for seed in range(subject.seed, subject.seed + 20)]
        if all(same(start, starts[0]) for start in starts):
            subject.trace().fail("different seeds must draw different samples", f"the same one for {len(starts)} seeds")


def _start(subject: Subject, seed: int) -> Any:
    trace = subject.trace()
    trace.reset(seed)
    return trace.outcomes[0]


def check_global_generators(subject: Subject) -> None:
    """Neither ``random`` nor ``numpy.random`` is read or changed."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  (these are what must not be used)
    try:
        for seed in subject.seeds():
            expected, again = _two_episodes(subject, subject.trace(), seed), subject.trace()
            random.seed(seed + 1)
            np.random.seed((seed + 1) % 2**32)  # noqa: NPY002
            state = random.getstate(), np.random.get_state(legacy=False)  # noqa: NPY002
            if found := difference(expected, _two_episodes(subject, again, seed)):
                again.fail("the generators of `random` and `numpy.random` must not be used: use self.np_random", found)
            if not same(state, (random.getstate(), np.random.get_state(legacy=False))):  # noqa: NPY002
                again.fail("the generators of `random` and `numpy.random` must not be touched", "another state of them")
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


def check_apart(subject: Subject) -> None:
    """Two environments that are played in turn do what they do apart: they share nothing that changes."""
    seeds = subject.seed, subject.seed + 1
    apart = []
    for seed in seeds:
        trace = subject.trace(subject.another())
        trace.reset(seed)
        subject.play(trace, np.random.default_rng(seed))
        apart.append(trace)
    together = [subject.trace(subject.another()) for _ in seeds]
    for trace, seed in zip(together, seeds, strict=True):
        trace.reset(seed)
    for count in range(max(len(trace.actions) for trace in apart)):
        for trace, alone in zip(together, apart, strict=True):
            if count < len(alone.actions):
                trace.step(alone.actions[count])
    for trace, alone in zip(together, apart, strict=True):
        if found := difference(alone.outcomes, trace.outcomes):
            trace.fail("two environments that are played in turn must do what they do apart", found)


def _two_episodes(subject: Subject, trace: Trace, seed: int) -> list[Outcome]:
    """Return what two episodes lead to, the second one of which is drawn without a seed."""
    rng = np.random.default_rng(seed)
    trace.reset(seed)
    subject.play(trace, rng)
    first = trace.outcomes
    trace.reset()
    subject.play(trace, rng)
    return [*first, *trace.outcomes]
