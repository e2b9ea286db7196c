"""What a user simulator is: it opens a conversation and answers, and all that it remembers is in a state of JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from textgym.core import Sample
from textgym.errors import ConfigError

State = dict[str, Any]


class Turn(NamedTuple):
    """What a user says.

    Attributes:
        text: The words.
        state: What the simulator must know to answer what comes next, JSON values only.
        references: What an agent would do well to say next; may be empty.
        over: Whether the user leaves after these words.
    """

    text: str
    state: State
    references: tuple[str, ...] = ()
    over: bool = False


class Simulator(ABC):
    """A user who has a goal and talks to the agent.

    The object itself never changes while it talks: the state of a conversation goes in and comes out. So one simulator
    serves all lanes of all environments, and a snapshot or a pickle of an environment goes on exactly. Chance comes
    from the generator at the start alone; whoever needs more of it later puts a number into the state then.

    Attributes:
        name: The registered name, set by ``register_simulator``.
    """

    name: ClassVar[str] = "simulator"

    @property
    def signature(self) -> str:
        """A line that tells the user from another one: the name, of a dataclass with its options."""
        options: list[str] = [field.name for field in fields(self)] if is_dataclass(self) else []
        return f"{self.name}({', '.join(f'{name}={getattr(self, name)!r}' for name in options)})"

    @abstractmethod
    def start(self, samples: Sequence[Sample], generators: Sequence[np.random.Generator]) -> list[Turn]:
        """Return how each of N conversations opens.

        Args:
            samples: What the task says about each, goals in ``metadata``; ``prompt`` is the task's own opening.
            generators: One for each.

        Raises:
            ConfigError: A sample lacks what this simulator needs.
        """

    @abstractmethod
    def answer(self, texts: Sequence[str], states: Sequence[State]) -> list[Turn]:
        """Return what the user says to each of N texts of the agent, which may be any text; states stay as they are.

        A row's answer depends on its text and its state alone.
        """

    def __deepcopy__(self, memo: dict[int, Any]) -> Simulator:
        return self  # never changes, and gym.make copies the arguments of every environment


def fresh_seed(generator: np.random.Generator) -> int:
    """Return a number for a state, from which chance later in the conversation comes."""
    return int(generator.integers(2**32))


def checked_turns(name: str, turns: Any, count: int) -> list[Turn]:
    """Return what a simulator gave for ``count`` conversations, each a Turn whose parts are what they must be.

    Args:
        name: The simulator's.
        turns: What it gave, anything.
        count: How many there must be.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(turns, (list, tuple)) or len(turns) != count or not all(map(_is_turn, turns)):
        raise ConfigError(
            f"The simulator {name!r} must give a list with a Turn for each of {count} conversations, with a text "
            f"(str), a state (dict), references (tuple of str) and over (bool), got {turns!r:.160}."
        )
    return [turn._replace(references=tuple(turn.references), over=bool(turn.over)) for turn in turns]


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, Turn)
        and isinstance(turn.text, str)
        and isinstance(turn.state, dict)
        and isinstance(turn.references, (tuple, list))
        and all(isinstance(reference, str) for reference in turn.references)
        and isinstance(turn.over, (bool, np.bool_))
    )
