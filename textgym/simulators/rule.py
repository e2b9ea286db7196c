"""A user by rules: a hidden goal, patience that runs out, and words that are not understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgym.arguments import real_number, whole_number
from textgym.core import Sample
from textgym.errors import ConfigError
from textgym.simulators.base import Simulator, State, Turn, fresh_seed
from textgym.simulators.domain import ANY, CONSTRAINTS, DETAILS, Domain, Heard, domain_of, phrase, wish
from textgym.simulators.factory import register_simulator

UNHEARD = "um"  # what noise leaves of a value


@register_simulator("rule")
@dataclass(frozen=True)
class RuleSimulator(Simulator):
    """A user who wants a table: asked for a slot they tell it, offered the wrong thing they say what is wrong.

    They open with some of what they want. To a question they tell the slots that it names, "any" for one that does
    not matter. To an offer (a text with the name of one restaurant) that is wrong they say no and one slot that is
    wrong; where only details of the booking are missing, they tell one of them. To values without a name they say yes,
    or no and one that is wrong. What they cannot make sense of they ask to repeat.

    Args:
        patience: How often they put up with a text without sense, a wrong offer, or a question that they have answered
            before; then they say goodbye.
        noise: The probability that a value they say is not understood: "um" stands in its place, and to ask for it
            again costs no patience.
    """

    patience: int = 3
    noise: float = 0.0

    def __post_init__(self) -> None:
        if whole_number("patience", self.patience) < 1:
            raise ConfigError(f"patience must be at least 1, got {self.patience}.")
        if not 0.0 <= real_number("noise", self.noise) <= 1.0:
            raise ConfigError(f"noise is a probability, in [0, 1], got {self.noise}.")

    def start(self, samples: Sequence[Sample], generators: Sequence[np.random.Generator]) -> list[Turn]:
        """Return openings that tell at least one constraint, each with a probability of one half."""
        return [self._open(sample, rng) for sample, rng in zip(samples, generators, strict=True)]

    def _open(self, sample: Sample, rng: np.random.Generator) -> Turn:
        goal, database = _goal(sample)
        wishes = [slot for slot in CONSTRAINTS if slot in goal]
        told = [slot for slot, draw in zip(wishes, rng.random(len(wishes)), strict=True) if draw < 0.5]
        told = told or [wishes[int(rng.integers(len(wishes)))]]
        state = {"goal": dict(goal), "database": list(database), "known": {}, "patience": self.patience, "turn": 0}
        state["seed"] = fresh_seed(rng)
        values, known = self._uttered({slot: goal[slot] for slot in told}, state)
        return self._turn(wish(values), {**state, "known": known})

    def answer(self, texts: Sequence[str], states: Sequence[State]) -> list[Turn]:
        """Return what each user says."""
        return [self._answer(text, state) for text, state in zip(texts, states, strict=True)]

    def _answer(self, text: str, state: State) -> Turn:
        domain, goal, known = domain_of(*state["database"]), state["goal"], state["known"]
        heard = domain.hear(text)
        words, told, cost = _reaction(domain, heard, goal, known)
        state = {**state, "turn": state["turn"] + 1, "patience": state["patience"] - cost}
        if state["patience"] <= 0:
            return self._turn("bye .", state, over=True)
        if told:
            values, state["known"] = self._uttered(told, state)
            words = f"{words} {phrase(values)} .".lstrip()
        return self._turn(words, state)

    def _uttered(self, told: Mapping[str, str], state: State) -> tuple[dict[str, str], dict[str, str]]:
        """Return the values as they are heard, and all that is known with them."""
        if not self.noise:
            return dict(told), {**state["known"], **told}
        draws = np.random.default_rng((state["seed"], state["turn"])).random(len(told))
        heard = {slot: UNHEARD if draw < self.noise else told[slot] for slot, draw in zip(told, draws, strict=True)}
        return heard, state["known"] | {slot: value for slot, value in heard.items() if value != UNHEARD}

    def _turn(self, text: str, state: State, over: bool = False) -> Turn:
        references = () if over else (domain_of(*state["database"]).script(state["known"]),)
        return Turn(text, state, references, over)


def _reaction(domain: Domain, heard: Heard, goal: Mapping[str, str], known: Mapping[str, str]) -> tuple[
    str, dict[str, str], int
]:  # fmt: skip
    """Return the first words of an answer, the slots that it tells, and what it costs of the patience."""
    if heard.name is not None:
        wrong = domain.wrong(goal, heard)
        if not wrong:
            return "thanks .", {}, 0
        if wrong[0] in DETAILS and not any(slot in heard.values for slot in wrong):
            return "yes ,", {wrong[0]: goal[wrong[0]]}, 0
        return "no ,", {wrong[0]: goal[wrong[0]]}, 1
    if heard.asked:
        told = {slot: goal.get(slot, ANY) for slot in heard.asked}
        return "", told, int(all(slot in known for slot in told))
    if heard.values:
        wrong = [slot for slot, value in heard.values.items() if goal.get(slot, value) != value]
        return ("no ,", {wrong[0]: goal[wrong[0]]}, 0) if wrong else ("yes .", {}, 0)
    return "pardon ?", {}, 1


def _goal(sample: Sample) -> tuple[Mapping[str, str], Sequence[Any]]:
    goal, database = sample.metadata.get("goal"), sample.metadata.get("database")
    if not isinstance(goal, Mapping) or not isinstance(database, Sequence):
        raise ConfigError(
            "The simulator 'rule' plays a user with a goal: its samples need metadata {'goal': {slot: value}, "
            f"'database': [seed, size]}}, as those of textgym/TaskDialogue-v0 have, got {dict(sample.metadata)!r:.120}."
        )
    return goal, database
