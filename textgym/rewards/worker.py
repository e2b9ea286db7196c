"""What runs in a process of an isolated reward, and what a program that serves a reward may call."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from textgym.core import Reward, Sample
from textgym.errors import TextGymError
from textgym.registration import make_reward
from textgym.rewards.judge import judge


def work(spec: Any) -> None:
    """Answer the questions on standard input (:mod:`textgym.rewards.outside`) on standard output, until it ends.

    What a reward prints goes to standard error. The question ``{}`` is answered with what the reward is.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    reward: Reward | None = None
    for line in sys.stdin.buffer:
        try:
            reward = reward or make_reward(spec)
            told = answer(reward, json.loads(line))
        except TextGymError as error:
            told = {"error": str(error)}
        except Exception:
            told = {"error": traceback.format_exc()}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def answer(reward: Reward, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one question."""
    if not question:
        keys = ("name", "bounds", "scale", "needs_references", "signature")
        return {key: getattr(reward, key) for key in keys}
    rows = zip(question["prompts"], question["references"], question["metadata"], strict=True)
    samples = [Sample(prompt, tuple(references), metadata) for prompt, references, metadata in rows]
    return {"scores": judge(reward, question["responses"], samples).tolist()}
