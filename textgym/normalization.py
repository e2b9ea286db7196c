"""Scores on one scale for all tasks whose optimum is known: 0 for a random policy, 1 for the best."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from textgym.core import FloatArray
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.lookup import episodes_of


@overload
def normalized_score(task: Any, score: float) -> float: ...
@overload
def normalized_score(task: Any, score: npt.ArrayLike) -> FloatArray: ...
def normalized_score(task: Any, score: npt.ArrayLike) -> FloatArray | float:
    """Return ``(score - random) / (optimal - random)``, linear, so that means may be taken before or after.

    Args:
        task: A ``Task`` or its registered name, an environment (single or vector, wrapped or not), or its id.
        score: Undiscounted returns, a number or an array of any shape.

    Returns:
        Of the shape of ``score``, float64: 0 for a policy that draws uniformly from the allowed tokens, 1 for the best
        one; worse than random is negative. A number gives a number.

    Wrappers are looked through: returns of a wrapper that changes the rewards or the actions are not on this scale.

    Raises:
        ConfigError: The task's ``optimal_return`` or ``random_return`` is not known, or the environment has another
            reward, tokenizer, length or discount of a shaped reward than the task that they are known for; or the score
            is no number.

    >>> float(normalized_score("copy_letters", 1.0))
    1.0
    """
    episodes = episodes_of(task)
    known = {name: getattr(episodes.task, name) for name in ("optimal_return", "random_return")}
    missing = [name for name, value in known.items() if value is None]
    if missing:
        raise ConfigError(
            f"A normalized score needs a known {' and '.join(missing)}, and the task {episodes.task.name!r} has none: "
            "choose one of the procedural tasks, or set it on the task (random: textgym.chance.uniform_return)."
        )
    _refuse_changed(episodes)
    best, chance = known["optimal_return"], known["random_return"]
    if best <= chance:
        raise ConfigError(
            f"optimal_return must exceed random_return, got {best} and {chance} of the task {episodes.task.name!r}."
        )
    given = np.asarray(score)
    if given.dtype.kind not in "iuf":
        raise ConfigError(f"A score is a number or an array of numbers, got {score!r:.80}.")
    scores = (given.astype(np.float64) - chance) / (best - chance)
    return scores if scores.ndim else float(scores)


def _refuse_changed(episodes: Episodes) -> None:
    """Refuse an environment whose returns are not those of the task's defaults."""
    default = Episodes(episodes.task, split=episodes.split)
    for name, ours, known in (
        ("reward", episodes.reward.signature, default.reward.signature),
        ("tokenizer", episodes.tokenizer.signature, default.tokenizer.signature),
        ("max_new_tokens", episodes.space.max_new_tokens, default.space.max_new_tokens),
        ("min_new_tokens", episodes.space.min_new_tokens, default.space.min_new_tokens),
        ("banned_tokens", episodes.space.banned_tokens, default.space.banned_tokens),
        ("stop", episodes.space.stop.strings, default.space.stop.strings),
        ("eos", episodes.eos, default.eos),
        ("discount", episodes.discount if episodes.shaping else 1.0, 1.0),
        ("missing_eos_penalty", episodes.missing_eos_penalty, default.missing_eos_penalty),
    ):
        if ours != known:
            raise ConfigError(
                f"The random and the optimal return of the task {episodes.task.name!r} are known for {name}={known!r}, "
                f"and this environment has {ours!r}: evaluate with the task's defaults."
            )
