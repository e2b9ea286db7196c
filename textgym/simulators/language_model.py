"""A user who is played by a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from textgym.arguments import real_number, whole_number
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.simulators.base import Simulator, State, Turn, fresh_seed
from textgym.simulators.factory import register_simulator
from textgym.tokenizers import settled

if TYPE_CHECKING:
    from textgym.rewards.neural.speaker import Speaker


@register_simulator("language_model")
@dataclass(frozen=True)
class LanguageModelSimulator(Simulator):
    """A user whose lines are written by a causal language model; all lanes that wait for an answer are one batch.

    The model reads the instruction, the goal if there is one, and what was said, line by line; the user's line is what
    it writes up to the end of the line. A model with a chat template reads it as one message.

    Answers do not depend on what else is in the batch, up to the rounding of the model's own numbers.

    Args:
        model: A folder in Hugging Face format, or a hub name.
        instruction: What the model reads first.
        user: How the user's lines begin.
        agent: How the agent's lines begin.
        max_tokens: The most tokens of an answer, of the model.
        temperature: 0 takes the likeliest token.
        farewell: The user leaves after a line with this word, in lower or upper case; "" for never.
        device: "auto" takes a GPU when there is one.
    """

    model: str = ""
    instruction: str = "A conversation between a user and an assistant."
    user: str = "User:"
    agent: str = "Assistant:"
    max_tokens: int = 24
    temperature: float = 0.0
    farewell: str = "bye"
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("model", "instruction", "user", "agent", "farewell", "device"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a text, got {getattr(self, name)!r:.80}.")
        if not self.model:
            raise ConfigError(
                "The simulator 'language_model' needs a model: {'name': 'language_model', 'model': <folder or name>}."
            )
        if whole_number("max_tokens", self.max_tokens) < 1:
            raise ConfigError(f"max_tokens must be at least 1, got {self.max_tokens}.")
        if not 0.0 <= real_number("temperature", self.temperature) < np.inf:
            raise ConfigError(f"temperature must be a number of at least 0, got {self.temperature}.")

    @property
    def speaker(self) -> Speaker:
        """The model, loaded once in a process."""
        from textgym.rewards.neural.network import load
        from textgym.rewards.neural.speaker import Speaker

        return load(Speaker, self.model, self.device)

    def start(self, samples: Sequence[Sample], generators: Sequence[np.random.Generator]) -> list[Turn]:
        """Return the task's own openings."""
        return [self._open(sample, fresh_seed(rng)) for sample, rng in zip(samples, generators, strict=True)]

    def _open(self, sample: Sample, seed: int) -> Turn:
        goal = sample.metadata.get("goal")
        wanted = [f"The user wants {_listed(goal)}."] if isinstance(goal, Mapping) else []
        lines = [self.instruction, *wanted, f"{self.user} {sample.prompt}"]
        return Turn(sample.prompt, {"lines": lines, "seed": seed}, sample.references)

    def answer(self, texts: Sequence[str], states: Sequence[State]) -> list[Turn]:
        """Return the lines that the model writes."""
        heard = [
            [*state["lines"], f"{self.agent} {_one_line(text)}"] for text, state in zip(texts, states, strict=True)
        ]
        prompts = ["\n".join([*lines, self.user]) for lines in heard]
        draws = None
        if self.temperature:
            pairs = zip(states, heard, strict=True)
            draws = np.array([_draws(state["seed"], len(lines), self.max_tokens) for state, lines in pairs])
        answers = self.speaker.lines(prompts, self.max_tokens, self.temperature, draws)
        return [
            self._turn(_one_line(answer), lines, state)
            for answer, lines, state in zip(answers, heard, states, strict=True)
        ]

    def _turn(self, answer: str, lines: list[str], state: State) -> Turn:
        over = bool(self.farewell) and self.farewell.lower() in answer.lower()
        return Turn(answer, {**state, "lines": [*lines, f"{self.user} {answer}"]}, (), over)


def _listed(goal: Mapping[str, Any]) -> str:
    return ", ".join(f"{slot} {value}" for slot, value in goal.items())


def _one_line(text: str) -> str:
    return " ".join(settled(text).split())


def _draws(seed: int, turn: int, count: int) -> Any:
    return np.random.default_rng((seed, turn)).random(count)
