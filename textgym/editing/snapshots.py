"""The state of an editing episode as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from textgym.arguments import real_number, snapshot_values, whole_number
from textgym.editing.episodes import EditEpisodes, EditStart
from textgym.errors import ConfigError


class EditState(NamedTuple):
    """An episode in progress.

    Attributes:
        start: What is played.
        tokens: The draft.
        score: Of the draft.
        total: The sum of the rewards so far.
        generator: The state of the random generator.
        initial_score: Of the draft at the start.
        steps: How many actions were taken.
        edits: How many of them changed the draft.
        ended: Whether the episode is over.
    """

    start: EditStart
    tokens: list[int]
    score: float
    total: float
    generator: Any
    initial_score: float
    steps: int
    edits: int
    ended: bool

    def to_json(self) -> dict[str, Any]:
        """Return what :func:`read_state` reads; the first five are named as in other environments' snapshots."""
        return {
            "index": self.start.index,
            "tokens": self.tokens,
            "potential": self.score,
            "return": self.total,
            "generator": self.generator,
            "initial_score": self.initial_score,
            "steps": self.steps,
            "edits": self.edits,
            "ended": self.ended,
        }


def read_state(episodes: EditEpisodes, snapshot: Any) -> EditState:
    """Return the state in a snapshot.

    Raises:
        ConfigError: It is no snapshot of an editing episode, or does not fit the environment.
    """
    index, tokens, score, total, generator = snapshot_values(snapshot)
    missing = [name for name in ("initial_score", "steps", "edits", "ended") if name not in snapshot]
    if missing:
        raise ConfigError(f"This is no snapshot of an editing episode: it lacks {', '.join(missing)}.")
    initial = real_number("initial_score", snapshot["initial_score"])
    steps, edits = (whole_number(name, snapshot[name]) for name in ("steps", "edits"))
    limit, ended = episodes.space.max_edits, _flag(snapshot)
    if not 0 <= edits <= steps <= limit or (steps == limit and not ended):
        raise ConfigError(
            f"A snapshot needs 0 <= edits <= steps <= max_edits={limit}, and an episode of {limit} steps is over; got "
            f"edits={edits}, steps={steps}, ended={ended}."
        )
    start, draft = episodes.start(index), episodes.checked_draft(tokens)
    return EditState(start, draft, float(score), float(total), generator, initial, steps, edits, ended)


def _flag(snapshot: Mapping[str, Any]) -> bool:
    if not isinstance(snapshot["ended"], bool):
        raise ConfigError(f"ended must be True or False, got {snapshot['ended']!r}.")
    return snapshot["ended"]
