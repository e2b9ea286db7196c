"""``check_text_env``: whether an environment of texts keeps what its users rely on, beyond Gymnasium's checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from textgym.arguments import seed_number
from textgym.checker.actions import check_foreign_actions, check_masks, check_refused_actions
from textgym.checker.copies import check_deepcopy, check_pickle, check_snapshots
from textgym.checker.endings import check_eos, check_index, check_infos, check_length, check_order, check_outcomes
from textgym.checker.observations import (
    check_fresh_observations,
    check_observations,
    check_spaces,
    check_written_tokens,
)
from textgym.checker.randomness import check_apart, check_global_generators, check_seeds
from textgym.checker.rewards import check_scores, check_sums
from textgym.checker.shown import check_closing, check_rendering
from textgym.checker.subject import DoesNotApply, Subject
from textgym.checker.texts import check_decoding, check_empty_response, check_unicode
from textgym.errors import ConfigError

HOLDS = "holds"

# the order is that in which a failure explains most
CHECKS: dict[str, Callable[[Subject], None]] = {
    "spaces": check_spaces,
    "outcomes": check_outcomes,
    "observations": check_observations,
    "written tokens": check_written_tokens,
    "infos": check_infos,
    "masks": check_masks,
    "seeds": check_seeds,
    "global generators": check_global_generators,
    "order of calls": check_order,
    "eos": check_eos,
    "length": check_length,
    "refused actions": check_refused_actions,
    "foreign actions": check_foreign_actions,
    "chosen samples": check_index,
    "fresh observations": check_fresh_observations,
    "environments apart": check_apart,
    "deep copies": check_deepcopy,
    "pickles": check_pickle,
    "snapshots": check_snapshots,
    "sums of rewards": check_sums,
    "scores": check_scores,
    "decoding": check_decoding,
    "empty responses": check_empty_response,
    "unicode": check_unicode,
    "rendering": check_rendering,
    "closing": check_closing,
}


def check_text_env(env: gym.Env[Any, Any], seed: int = 0) -> dict[str, str]:
    """Check what Gymnasium's ``check_env`` cannot know of an environment of texts.

    Any environment may be given; what a check needs to know it reads off the spaces: where actions are the tokens of a
    :class:`textgym.TokenSpace` all checks apply, and with other actions (edits, for one) those that do not speak of
    tokens. Optional are ``action_masks()``, ``snapshot()`` and ``restore()``, and the attributes ``tokenizer``,
    ``discount`` and ``num_samples``. Others of its kind are made with ``gym.make(env.spec)``, without a spec by a deep
    copy.

    Args:
        env: Best made with ``gym.make``. It is reset and played.
        seed: What is random comes from it.

    Returns:
        What became of each check: "holds", or "does not apply: ..." with the reason.

    Raises:
        ConfigError: This is no environment, or its reward changes while it is checked.
        CheckError: Something does not hold. The message says what must, what was got, and with which seed and actions
            to see it again.
    """
    if not isinstance(env, gym.Env):
        raise ConfigError(f"check_text_env takes a gymnasium.Env, made with gym.make, got {type(env).__name__}.")
    _refuse_moving_reward(env)
    subject = Subject(env, seed_number(seed) or 0)
    return {name: _outcome(check, subject) for name, check in CHECKS.items()}


def _refuse_moving_reward(env: gym.Env[Any, Any]) -> None:
    """Refuse a reward that learns from the episodes that are played: the same actions are not paid alike twice."""
    episodes: Any = getattr(env.unwrapped, "episodes", None)
    if getattr(episodes, "has_state", False) and getattr(episodes, "split", None) == "train":
        raise ConfigError(
            f"The reward {episodes.reward.name!r} learns from every episode of the split 'train', so that nothing is "
            "paid alike twice: check the environment with split='test', where it stands still."
        )


def _outcome(check: Callable[[Subject], None], subject: Subject) -> str:
    try:
        check(subject)
    except DoesNotApply as reason:
        return f"does not apply: {reason}"
    return HOLDS
