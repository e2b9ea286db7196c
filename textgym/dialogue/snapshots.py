"""A dialogue in progress as JSON values, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from textgym.arguments import real_number, whole_number, whole_numbers
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.simulators import Turn

if TYPE_CHECKING:
    from textgym.dialogue.episodes import DialogueEpisodes, Opened

FINISHES = ("", "goal", "user", "turns", "length")
GENERATOR = "generator"


@dataclass(frozen=True)
class DialogueState:
    """What describes a dialogue; all of it can be written as JSON.

    Attributes:
        index: The sample.
        opening: References for the first turn.
        said: What was said in turn, the user first.
        tokens: The ids after the prompt.
        own: Which of them are the agent's own, columns in ascending order.
        turn_start: The column where its present turn begins.
        state: The simulator's.
        references: References for the present turn.
        success: Whether the goal is reached.
        slots: The share of the goal that is right.
        turns: Finished turns of the agent.
        turn_sum: The sum of their scores.
        total: The sum of the rewards.
        finish: Why it ended, "" while it goes on.
    """

    index: int
    opening: list[str]
    said: list[str]
    tokens: list[int]
    own: list[int]
    turn_start: int
    state: dict[str, Any]
    references: list[str]
    success: bool
    slots: float
    turns: int
    turn_sum: float
    total: float
    finish: str


NAMES = [field.name for field in fields(DialogueState)]


def lane_snapshot(state: DialogueState, generator: np.random.Generator) -> dict[str, Any]:
    """Return a dialogue and its generator as JSON values."""
    return {**vars(state), GENERATOR: generator.bit_generator.state}


def json_state(state: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the state of the simulator ``name``, which a snapshot is to hold.

    Raises:
        ConfigError: JSON cannot hold it.
    """
    try:
        json.dumps(state)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"The state of the simulator {name!r} must hold JSON values only (numbers of Python, texts, lists, dicts), "
            f"so that a snapshot can be written: {error}. It is {state!r:.120}."
        ) from error
    return state


def read_snapshot(snapshot: Any, episodes: DialogueEpisodes) -> tuple[Opened, DialogueState, Any]:
    """Return the opening of a dialogue, its state and that of the generator from a snapshot.

    Raises:
        ConfigError: It is no snapshot of a dialogue, or of one that these episodes cannot hold.
    """
    from textgym.dialogue.episodes import Opened

    names = (*NAMES, GENERATOR)
    missing = [name for name in names if not isinstance(snapshot, Mapping) or name not in snapshot]
    if missing:
        raise ConfigError(
            f"This is no snapshot of a dialogue: it lacks {', '.join(missing)}. Pass what snapshot() gave."
        )
    state = _checked(DialogueState(**{name: snapshot[name] for name in NAMES}), episodes)
    start = episodes.start(state.index)
    sample = Sample(state.said[0], tuple(state.opening), start.sample.metadata)
    turn = Turn(state.said[0], state.state, tuple(state.references))
    return Opened(start.index, sample, episodes.opening_ids(state.said[0]), turn), state, snapshot[GENERATOR]


def _checked(state: DialogueState, episodes: DialogueEpisodes) -> DialogueState:
    T, V = episodes.space.max_new_tokens, episodes.space.vocab_size
    tokens, own = whole_numbers("tokens", state.tokens), whole_numbers("own", state.own)
    if len(tokens) > T or not all(0 <= token < V for token in tokens):
        raise ConfigError(f"A dialogue has at most {T} ids in [0, {V}) after its prompt, got {tokens}.")
    ordered = own == sorted(set(own)) and all(0 <= column < len(tokens) for column in own)
    if not ordered or not 0 <= whole_number("turn_start", state.turn_start) <= len(tokens):
        raise ConfigError(f"own and turn_start are columns of the {len(tokens)} tokens, got {own}, {state.turn_start}.")
    texts = [state.said, state.opening, state.references]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in texts) or not state.said:
        raise ConfigError("said, opening and references must be lists of texts, said with at least one.")
    for name in ("slots", "turn_sum", "total"):
        real_number(name, getattr(state, name))
    if not 0 <= whole_number("turns", state.turns) <= episodes.max_turns or state.finish not in FINISHES:
        raise ConfigError(
            f"A dialogue of at most {episodes.max_turns} turns cannot be {state.turns}, {state.finish!r}."
        )
    if not isinstance(state.state, dict) or not isinstance(state.success, bool):
        raise ConfigError("state must be the simulator's, a dict, and success True or False.")
    return state
