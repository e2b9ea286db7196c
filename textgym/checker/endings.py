"""When an episode begins and ends, and what is told of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded

from textgym.checker.subject import FINISHES, STEPS, DoesNotApply, Subject
from textgym.checker.trace import Trace

AT_RESET = {"index": int, "prompt": str, "references": list}
AT_END = {"response": str, "finish": str, "score": float, "length": int}


def check_order(subject: Subject) -> None:
    """A step before the first reset, and one after the end, raises ``gymnasium.error.ResetNeeded``."""
    action = subject.env.action_space.sample()
    _check_needs_reset(subject.trace(subject.another()), action, "before the first reset()")
    for trace in subject.episodes():
        if trace.ended:
            _check_needs_reset(trace, action, "after the end of an episode")
            trace.reset()


def _check_needs_reset(trace: Trace, action: Any, when: str) -> None:
    must = f"step() {when} must raise gymnasium.error.ResetNeeded"
    try:
        trace.env.step(action)
    except ResetNeeded:
        return
    except Exception as error:
        trace.fail(must, f"{type(error).__name__}: {error}", error)
    trace.fail(must, "a step")


def check_eos(subject: Subject) -> None:
    """An eos that is allowed ends the response: the episode terminates, or another one answers at once."""
    space = subject.writing_space()
    if space.eos_id is None:
        raise DoesNotApply("its responses do not end by eos")
    for seed in subject.seeds():
        trace, rng = subject.trace(), np.random.default_rng(seed)
        trace.reset(seed)
        while not trace.ended:
            mask = subject.mask(trace)
            if len(trace.actions) >= seed - subject.seed and mask is not None and mask[space.eos_id]:
                written = subject.written(trace.observation)
                trace.step(space.eos_id)
                _check_said(subject, trace, written)
                break
            trace.step(subject.choose(trace, rng, eos=0.0))


def _check_said(subject: Subject, trace: Trace, written: int) -> None:
    if not trace.ended:
        if subject.written(trace.observation) <= written + 1:
            trace.fail(
                "an eos must end the response: nothing may be asked of the agent after it", "an episode that goes on"
            )
        return
    finish, terminated = trace.info.get("finish"), trace.outcomes[-1][2]
    if subject.writing_space().turn_id is not None:
        return  # it ends a turn of a dialogue, which may end for another reason in the same step: its window is full
    if finish in FINISHES and (finish != "eos" or not terminated):
        trace.fail(
            "an episode that the eos ends must be terminated, with info['finish'] = 'eos'",
            f"terminated={terminated} and finish={finish!r}",
        )


def check_length(subject: Subject) -> None:
    """Without an eos an episode ends by its length, after T tokens at most, terminated or truncated and not both."""
    space = subject.writing_space()
    for seed in subject.seeds():
        trace, rng = subject.trace(), np.random.default_rng(seed)
        trace.reset(seed)
        subject.play(trace, rng, eos=0.0, steps=space.max_new_tokens)
        if not trace.ended:
            trace.fail(f"an episode must end after {space.max_new_tokens} tokens at most", "one that goes on")
        finish = trace.info.get("finish")
        full = subject.written(trace.observation) == space.max_new_tokens
        if finish in FINISHES and (finish == "length") != (
            full and trace.actions[-1] != space.eos_id and finish != "stop"
        ):
            trace.fail(
                f"info['finish'] must be 'length' when {space.max_new_tokens} tokens are written without eos or stop "
                "string, and only then",
                f"{finish!r} after {len(trace.actions)} tokens",
            )


def check_infos(subject: Subject) -> None:
    """Reset tells index, prompt and references; the last step alone tells response, finish, score and length."""
    for trace in subject.episodes():
        _check_told(trace, trace.outcomes[0][1], AT_RESET, 0)
        if not all(isinstance(text, str) for text in trace.outcomes[0][1]["references"]):
            trace.fail("info['references'] must be a list of str", repr(trace.outcomes[0][1]["references"]))
        for count, (*_, info) in enumerate(trace.outcomes[1:], start=1):
            over = trace.ended and count == len(trace.outcomes) - 1
            if over:
                _check_told(trace, info, AT_END, count)
            elif early := sorted(AT_END.keys() & info.keys()):
                trace.actions = trace.actions[:count]
                trace.fail(f"only the last step may tell {', '.join(AT_END)}", f"{early} while the episode goes on")
        given = trace.outcomes[0][1].get("prefix_tokens", 0)  # the beginning of a response that somebody else wrote
        if subject.writes and trace.ended and trace.info["length"] != given + len(trace.actions):
            trace.fail("info['length'] must be the number of the agent's tokens", f"{trace.info['length']}")


def _check_told(trace: Trace, info: dict[str, Any], keys: dict[str, type], count: int) -> None:
    for key, kind in keys.items():
        if not isinstance(info.get(key), kind) or isinstance(info.get(key), bool):
            trace.actions = trace.actions[:count]
            call = "the last step" if count else "reset"
            got = f"{type(info[key]).__name__} {info[key]!r}" if key in info else f"the keys {sorted(info)}"
            trace.fail(f"the information of {call} must have {key!r} ({kind.__name__})", got)


def check_index(subject: Subject) -> None:
    """``reset(options={"index": i})`` plays sample i, whatever the seed; what a simulator says may differ."""
    for seed in subject.seeds():
        trace = subject.trace()
        trace.reset(seed)
        index = trace.info.get("index")
        trace.reset(seed + 1, {"index": index})
        if trace.info.get("index") != index:
            trace.fail("the sample must be the one that was asked for", f"{trace.info}")


def check_outcomes(subject: Subject) -> None:
    """A reward is a finite number, terminated and truncated are bool, and an episode ends in one way only."""
    for trace in subject.episodes():
        for count, (_, reward, terminated, truncated, _) in enumerate(trace.outcomes[1:], start=1):
            trace.actions, actions = trace.actions[:count], trace.actions
            number = isinstance(reward, (int, float, np.integer, np.floating)) and not isinstance(reward, bool)
            if not number or not np.isfinite(reward):
                trace.fail("a reward must be a finite number", f"{reward!r} ({type(reward).__name__})")
            for name, value in (("terminated", terminated), ("truncated", truncated)):
                if not isinstance(value, (bool, np.bool_)):
                    trace.fail(f"{name} must be a bool", f"{value!r} ({type(value).__name__})")
            if terminated and truncated:
                trace.fail("an episode must be terminated or truncated", "both")
            trace.actions = actions
        if subject.space is not None and not trace.ended:
            trace.fail(f"an episode must end within {STEPS} actions", "one that goes on")
