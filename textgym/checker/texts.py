"""Text and ids: what is decoded, and what becomes of texts that are empty or of any script."""

from __future__ import annotations

from typing import Any

import numpy as np

from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.trace import Trace
from textgym.tokenizers import IncrementalDecoder

UNICODE = ("naïve Größe", "漢字とかな", "שלום \u202eabc", "🙂\u200d🔬 e\u0301", "a\x1b[31m\x00\n\tb", "\ufffd")


def check_decoding(subject: Subject) -> None:
    """The response is the text of the ids, and the text of every prefix comes back from its own ids."""
    subject.writing_space()
    tokenizer = subject.tokenizer
    for trace in subject.episodes(eos=0.05):
        _check_response(subject, trace)
        ids = [int(action) for action in trace.actions]
        for count in range(len(ids) + 1):
            text = tokenizer.decode(ids[:count])
            again = tokenizer.decode(tokenizer.encode(text))
            if text != again:
                trace.actions = trace.actions[:count]
                trace.fail(f"the text of every prefix must come back from its own ids, {text!r}", repr(again))
        decoder = IncrementalDecoder(tokenizer)
        pieces = "".join([*(decoder.push(token) for token in ids), decoder.finish()])
        if pieces != tokenizer.decode(ids):
            trace.fail(
                f"text that is decoded as it comes must be that of all ids, {tokenizer.decode(ids)!r}", repr(pieces)
            )


def _check_response(subject: Subject, trace: Trace) -> None:
    finish, told = trace.info.get("finish"), trace.info.get("response")
    if not subject.is_one_response(trace):
        return
    text = subject.tokenizer.decode([int(action) for action in trace.actions])
    if told != text and not (finish == "stop" and text.startswith(str(told))):
        trace.fail(f"info['response'] must be the text of the ids that were written, {text!r}", repr(told))


def check_empty_response(subject: Subject) -> None:
    """A response without a token but its end is judged like any other."""
    space = subject.writing_space()
    if space.eos_id is None:
        raise DoesNotApply("its responses do not end by eos")
    for seed in subject.seeds():
        trace = subject.trace()
        trace.reset(seed)
        trace.step(space.eos_id)  # carried out even where it comes too early
        if not subject.is_one_response(trace):  # it goes on, or was begun by somebody else
            continue
        response, score = trace.info.get("response"), trace.info.get("score")
        if response != "" or not _is_finite(score):
            trace.fail("an empty response must be '' and have a finite score", f"{response!r} with {score!r}")


def check_unicode(subject: Subject) -> None:
    """Texts of any script, and characters that no one sees, are written and judged."""
    space = subject.writing_space()
    for text in UNICODE:
        ids = subject.tokenizer.encode(text)[: space.max_new_tokens]
        trace = subject.trace()
        trace.reset(subject.seed)
        for token in ids if space.eos_id is None else [*ids, space.eos_id]:
            if not trace.ended:
                trace.step(token)
        if trace.ended:
            _check_response(subject, trace)
            if not _is_finite(trace.info.get("score")):
                trace.fail(f"the response {text!r} must have a finite score", repr(trace.info.get("score")))


def _is_finite(score: Any) -> bool:
    return isinstance(score, (int, float)) and bool(np.isfinite(score))
