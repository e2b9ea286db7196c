"""What an observation must hold, and that it is the reader's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from textgym.checker.subject import Subject
from textgym.checker.trace import Trace, difference
from textgym.spaces import EMPTY, TokenSpace


def check_spaces(subject: Subject) -> None:
    """Observations are of a kind that vector environments and learners take."""
    for part in _leaves(subject.env.observation_space):
        if isinstance(part, (spaces.Text, spaces.Sequence)):
            subject.trace().fail(
                "observations must be arrays of token ids (textgym.TokenSpace), and text goes into info: Gymnasium's "
                "AsyncVectorEnv mixes up texts unless it is made with shared_memory=False, and no learner reads them",
                f"the observation space {subject.env.observation_space}",
            )


def check_observations(subject: Subject) -> None:
    """Ids lie in the vocabulary; the prompt stands at the right end of its columns, what follows at the left of its."""
    for trace in subject.episodes():
        for count, (observation, *_) in enumerate(trace.outcomes):
            trace.actions, actions = trace.actions[:count], trace.actions
            _check_one(subject, trace, observation)
            trace.actions = actions


def _check_one(subject: Subject, trace: Trace, observation: Any) -> None:
    space = subject.env.observation_space
    if isinstance(space, TokenSpace) and isinstance(observation, np.ndarray) and observation.shape == space.shape:
        tokens = observation[: space.max_prompt_tokens + space.max_new_tokens]
        outside = np.flatnonzero((tokens < EMPTY) | (tokens >= space.vocab_size))
        if len(outside):
            trace.fail(
                f"every column must hold a token id in [0, {space.vocab_size}), or {EMPTY} where it is empty",
                f"{tokens[outside[0]]} in column {outside[0]}",
            )
        _check_sides(trace, space, tokens)
    if not space.contains(observation):
        trace.fail(f"every observation must lie in the observation space {space}", repr(observation))


def _check_sides(trace: Trace, space: TokenSpace, tokens: np.ndarray) -> None:
    prompt, rest = tokens[: space.max_prompt_tokens] >= 0, tokens[space.max_prompt_tokens :] >= 0
    if not prompt.any() or (prompt[:-1] & ~prompt[1:]).any():
        trace.fail("the prompt must have a token, and stand at the right end of its columns", f"{tokens.tolist()}")
    if (~rest[:-1] & rest[1:]).any():
        trace.fail("what follows the prompt must begin at the left of its columns", f"{tokens.tolist()}")


def check_written_tokens(subject: Subject) -> None:
    """A token that is written is the next one seen, and nothing before it changes."""
    space = subject.writing_space()
    for trace in subject.episodes():
        for count, action in enumerate(trace.actions):
            before, after = trace.outcomes[count][0], trace.outcomes[count + 1][0]
            place = space.max_prompt_tokens + subject.written(before)
            if place < len(after) and after[place] == action and np.array_equal(before[:place], after[:place]):
                continue
            trace.actions = trace.actions[: count + 1]
            trace.fail(
                f"the token {action} must be written into column {place}, and no column before it may change",
                f"{after.tolist()} after {before.tolist()}",
            )


def check_fresh_observations(subject: Subject) -> None:
    """What reset and step return is the reader's own: nobody writes it again, and to write it changes nothing."""
    for trace in subject.episodes():
        seed, actions, expected = trace.seed, list(trace.actions), trace.outcomes
        kept = subject.trace()
        returned: list[Any] = [kept.reset(seed), *(kept.step(action)[0] for action in actions)]
        if difference([(o, {}) for o in returned], [(o[0], {}) for o in kept.outcomes]):
            kept.fail("an observation must be a fresh array each time", "one that a later step has written")
        spoiled = subject.trace()
        _spoil(spoiled.reset(seed))
        for action in actions:
            _spoil(spoiled.step(action)[0])
        if found := difference(expected, spoiled.outcomes):
            spoiled.fail("writing into a returned observation must not change the environment", found)


def _spoil(observation: Any) -> None:
    for array in observation.values() if isinstance(observation, dict) else (observation,):
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array[...] = 0


def _leaves(space: spaces.Space[Any]) -> Iterator[spaces.Space[Any]]:
    yield space
    for part in space.values() if isinstance(space, spaces.Dict) else space if isinstance(space, spaces.Tuple) else ():
        yield from _leaves(part)
