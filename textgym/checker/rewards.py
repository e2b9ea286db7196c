"""What is paid along the way, beside the score at the end."""

from __future__ import annotations

import numpy as np

from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.trace import Trace

TOLERANCE = 1e-9


def check_sums(subject: Subject) -> None:
    """The rewards of an episode without penalties sum to its score.

    With the shaping's discount d, ``sum(d**t * reward_t)`` is ``d**(n - 1) * score`` for n steps. Of an editor, whose
    drafts begin with a score of their own, it is the difference, less what its edits cost.
    """
    discount = float(subject.attribute("discount", 1.0))
    if discount != 1.0 and subject.attribute("reward_delay", 0):
        raise DoesNotApply("delayed rewards with a discount do not sum to the score")
    bare = Subject(subject.env.unwrapped, subject.seed)  # wrappers may change rewards, which is their purpose
    told = False
    for trace in bare.answers():
        if not trace.ended or any(info.get("invalid_action") for *_, info in trace.outcomes):
            continue
        told = True
        _check_sum(subject, trace, discount)
    if not told:
        raise DoesNotApply("no episode of allowed actions came to its end")


def _check_sum(subject: Subject, trace: Trace, discount: float) -> None:
    info, rewards = trace.info, [float(outcome[1]) for outcome in trace.outcomes[1:]]
    if "score" not in info or (_unfinished(info.get("finish")) and subject.attribute("missing_eos_penalty", 0.0)):
        return
    costs = float(subject.attribute("edit_cost", 0.0)) * int(info.get("edits", 0))
    expected = discount ** (len(rewards) - 1) * float(info["score"]) - float(info.get("initial_score", 0.0)) - costs
    paid = sum(discount**t * reward for t, reward in enumerate(rewards))
    if abs(paid - expected) > TOLERANCE * max(1, len(rewards)):
        what = "sum to the score" if discount == 1.0 else f"sum, discounted by {discount}, to the discounted score"
        trace.fail(f"the rewards of an episode must {what}, {expected:.12g}", f"{paid:.12g}")


def _unfinished(finish: object) -> bool:
    return finish not in ("eos", "stop")


def check_scores(subject: Subject) -> None:
    """The score that is told, and was perhaps computed as the text grew, is that of the whole response."""
    episodes = getattr(subject.env.unwrapped, "episodes", None)
    reward, samples = getattr(episodes, "reward", None), getattr(episodes, "samples", None)
    if reward is None or samples is None or getattr(episodes, "has_state", False):
        raise DoesNotApply("it has no `episodes` with a reward without state to judge anew")
    subject.writing_space()
    for trace in subject.answers():
        if not subject.is_one_response(trace):
            raise DoesNotApply("its score is not that of one response")
        judged = float(reward([trace.info["response"]], [samples[trace.outcomes[0][1]["index"]]])[0])
        if not np.isclose(judged, trace.info["score"], rtol=0, atol=TOLERANCE):
            trace.fail(
                f"info['score'] must be what the reward gives for the whole response, {judged}",
                f"{trace.info['score']}",
            )
