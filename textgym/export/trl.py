"""What TRL's GRPO and RLOO trainers take: a data set of prompts, and a reward as their function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textgym.core import Sample, Task
from textgym.errors import DataError
from textgym.export.dataset import to_dataset
from textgym.registration import make_reward
from textgym.rewards.judge import judge

if TYPE_CHECKING:
    import datasets

Completion = str | Sequence[Mapping[str, Any]]  # text, or messages


def trl_dataset(
    task: str | Task, split: str = "train", count: int | None = None, chat: bool = False, **options: Any
) -> datasets.Dataset:
    """Return prompts for ``train_dataset`` of a TRL trainer, with what :func:`trl_reward` needs in further columns.

    Args:
        task: A registered name or a Task.
        split: Which split.
        count: The first so many samples; None means all.
        chat: Whether prompts are messages of a user, for the tokenizer of an instruct model, or plain text.
        options: For the task's constructor, with a name.
    """
    data = to_dataset(task, split, count, **options)
    if not chat:
        return data
    return data.map(lambda row: {"prompt": [{"role": "user", "content": row["prompt"]}]}, desc="messages")


def trl_reward(reward: Any) -> Callable[..., list[float]]:
    """Return a reward as an element of ``reward_funcs`` of a TRL trainer.

    It judges completions, plain text or messages, by the columns of :func:`trl_dataset`; the scores are those that the
    environment pays.

    Args:
        reward: As ``textgym.make_reward`` takes it.
    """
    judged = make_reward(reward)

    def score(prompts: Sequence[Completion], completions: Sequence[Completion], **columns: Any) -> list[float]:
        if "references" not in columns and judged.needs_references:
            raise DataError(
                f"The reward {judged.name!r} needs the column 'references' beside the prompts, got "
                f"{', '.join(columns) or 'none'}: train on trl_dataset(...), with remove_unused_columns=False."
            )
        references = columns.get("references") or [()] * len(prompts)
        metadata = columns.get("metadata") or ["{}"] * len(prompts)
        samples = [
            Sample(_text(prompt), tuple(texts), _metadata(told))
            for prompt, texts, told in zip(prompts, references, metadata, strict=True)
        ]
        scores: list[float] = judge(judged, [_text(completion) for completion in completions], samples).tolist()
        return scores

    score.__name__ = judged.name  # under which the trainer logs it
    return score


def _metadata(told: Any) -> dict[str, Any]:
    """Return what a row of the column 'metadata' holds, a JSON object; nothing where it is empty."""
    try:
        found = {} if told is None else json.loads(told)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise DataError(
            f"The column 'metadata' must hold JSON objects as text, as trl_dataset(...) writes them, got {told!r:.80}."
        )
    return found


def _text(turn: Completion) -> str:
    """Return plain text as it is, of messages the text of the last; that of a call of a tool is empty."""
    if isinstance(turn, str):
        return turn
    content = turn[-1].get("content") if turn else None
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text", "") for part in content)  # what an image says cannot be judged
