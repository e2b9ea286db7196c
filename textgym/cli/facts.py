"""What is known about an environment or a task: its card, its samples where they are here, and its returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from textgym.cli.sections import Sections, sections_of
from textgym.core import Sample, Task
from textgym.errors import ConfigError, DataError, MissingExtraError, did_you_mean
from textgym.making import text_ids
from textgym.registration import option_names, tasks
from textgym.sources import resolve_task
from textgym.tokenizers import Tokenizer, make_tokenizer

LOOKED = 200  # samples whose lengths are told
SHOWN = 3  # references of the example


@dataclass(frozen=True)
class Subject:
    """What is asked about.

    Attributes:
        spec: The environment's; None of a task that has none.
        task: A registered name or a Task.
    """

    spec: EnvSpec | None
    task: str | Task

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that the environment's id stands for."""
        return {} if self.spec is None else {k: v for k, v in self.spec.kwargs.items() if k != "task"}

    @property
    def kind(self) -> Any:
        """The class, or the function, that makes the task."""
        return type(self.task) if isinstance(self.task, Task) else tasks[self.task]

    @property
    def sections(self) -> Sections:
        """The docstring of the task in its parts."""
        return sections_of(self.kind)


def subject_of(name: str) -> Subject:
    """Return what an id of an environment or the name of a task stands for.

    Raises:
        ConfigError: There is neither; the nearest is told.
    """
    ids = text_ids()
    if name in ids:
        return Subject(gym.spec(name), gym.spec(name).kwargs["task"])
    if name in tasks:
        own = [gym.spec(id) for id in ids if gym.spec(id).kwargs["task"] == name]
        return Subject(own[0] if own else None, name)
    near = did_you_mean(name, [*ids, *tasks.names()])
    near = near if near.startswith("Did") else "textgym list tells all that there are."
    raise ConfigError(f"There is no environment and no task {name!r}. {near}")


def facts_of(subject: Subject, data: Any = None) -> dict[str, Any]:
    """Return what is known, JSON values.

    Args:
        subject: An environment or a task.
        data: As ``data=`` of an environment; None is the task's own.
    """
    known = option_names(subject.kind)
    options = {name: value for name, value in subject.options.items() if name in known}
    task = resolve_task(subject.task, data if data is not None else subject.options.get("data"), options, known=())
    card = getattr(subject.kind, "card", None)
    return {
        "environment": None if subject.spec is None else subject.spec.id,
        "task": getattr(task, "name", None),
        "description": subject.sections.description,
        "reward": str(subject.options.get("reward", task.reward)),
        "max_prompt_tokens": subject.options.get("max_prompt_tokens", task.max_prompt_tokens),
        "max_new_tokens": subject.options.get("max_new_tokens", task.max_new_tokens),
        **_samples(task, own=data is None),
        "optimal_return": task.optimal_return,
        "random_return": task.random_return,
        **({} if card is None else asdict(card)),
    }


def _samples(task: Task, own: bool) -> dict[str, Any]:
    """Return sizes, lengths and an example; where the task's own data is not here, what to do about it."""
    found = getattr(task, "found", None)  # of a task that knows without a look at the network
    if found is not None and not found():
        return {"missing": task.advice()}  # type: ignore[attr-defined]
    try:
        sizes = getattr(task, "sizes", None)  # of a generated task, which would have to draw its samples to count them
        if not isinstance(sizes, Mapping):
            sizes = {split: len(samples) for split in task.splits if (samples := _split(task, split)) is not None}
        return {"sizes": dict(sizes), **_lengths(task, task.samples(next(iter(sizes))))}
    except (DataError, MissingExtraError) as error:
        if not own:
            raise
        return {"missing": str(error)}


def _split(task: Task, split: str) -> Sequence[Sample] | None:
    try:
        return task.samples(split)
    except ConfigError:  # the user's data has fewer splits
        return None


def _lengths(task: Task, samples: Sequence[Sample]) -> dict[str, Any]:
    count = min(LOOKED, len(samples))
    chosen = [samples[i * len(samples) // count] for i in range(count)]
    tokenizer = _tokenizer(task)
    responses = [sample.references[0] for sample in chosen if sample.references]
    return {
        "tokenizer": tokenizer.signature,
        "prompt_tokens": _spread([sample.prompt for sample in chosen], tokenizer),
        "response_tokens": _spread(responses, tokenizer),
        "example": {"prompt": chosen[0].prompt, "references": list(chosen[0].references[:SHOWN])},
    }


def _tokenizer(task: Task) -> Tokenizer:
    try:
        return task.tokenizer()
    except ConfigError:  # there is nothing to learn one on
        return make_tokenizer("byte")


def _spread(texts: Sequence[str], tokenizer: Tokenizer) -> Mapping[str, int] | None:
    """Return the median, the 95th percentile and the greatest number of tokens."""
    if not texts:
        return None
    lengths = np.array([len(tokenizer.encode(text)) for text in texts])
    middle, most = np.percentile(lengths, [50, 95], method="higher")
    return {"median": int(middle), "p95": int(most), "max": int(lengths.max())}
