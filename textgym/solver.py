"""Exact values of short episodes, by backward induction over the prefixes of a response: an oracle for algorithms.

>>> import textgym.solver
>>> solution = textgym.solver.solve("textgym/Brackets-v0", index=0)
>>> solution.value(), solution.value(policy="uniform") < 0.01
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from textgym.arguments import choice, whole_number
from textgym.core import FloatArray, Sample
from textgym.episodes import Episodes
from textgym.errors import ConfigError
from textgym.lookup import episodes_of
from textgym.prefixes import Prefixes, prefixes_of

MOST_STATES = 200_000
POLICIES = ("optimal", "uniform")


def solve(thing: Any, index: int = 0, *, most_states: int = MOST_STATES) -> Solution:
    """Return the exact values of the episode that plays one sample.

    Args:
        thing: A text environment, a task, or the name of one; its reward, tokenizer, T and what is allowed count.
        index: The sample.
        most_states: How many prefixes, those with the same future counted once, are worth the time and memory.

    Raises:
        ConfigError: There are more states than that, the reward has a state of its own, stop strings end responses, or
            the tokens are not whole characters.
    """
    episodes = episodes_of(thing)
    if episodes.has_state:
        raise ConfigError("Exact values need a reward that does not change: the one of this environment has a state.")
    if episodes.space.stop:
        raise ConfigError(
            f"Exact values are not known with stop strings, got {episodes.space.stop!r}: leave stop=... out."
        )
    return Solution(episodes, episodes.start(index).sample, whole_number("most_states", most_states))


class Level(NamedTuple):
    """The states after so many tokens, S of them.

    Attributes:
        rows: The row of each state.
        scores: What ending there pays, float64 [S].
        values: By policy, what is to be expected there, float64 [S].
    """

    rows: dict[Hashable, int]
    scores: FloatArray
    values: dict[str, FloatArray]


class Solution:
    """The values of every prefix of the responses to one sample.

    A value is the expected undiscounted return from there to the end without shaping: the score of the response, less
    the penalty of one that ends without eos. Policies choose among the allowed tokens: "optimal" the best, "uniform"
    any of them with equal probability. With potential shaping and a discount of 1, the value of a prefix is this one
    less its potential, and action values shift alike.

    Args:
        episodes: The arguments of an environment.
        sample: What is answered.
        most_states: An error is raised beyond.

    Attributes:
        states: How many there are.
    """

    def __init__(self, episodes: Episodes, sample: Sample, most_states: int = MOST_STATES) -> None:
        self.episodes, self.sample = episodes, sample
        self._prefixes: Prefixes[Hashable] = prefixes_of(episodes, sample)
        self._allowed = episodes.space.allowed(np.arange(episodes.space.max_new_tokens))
        self._levels = self._solve(most_states)
        self.states = sum(len(level.rows) for level in self._levels)

    def value(self, prefix: Iterable[int] = (), policy: str = "optimal") -> float:
        """Return the value after the token ids of ``prefix``, under "optimal" or "uniform" play from there on.

        Raises:
            ConfigError: The response is at its end there, or an id of it is not allowed.
        """
        ids = self._checked(prefix)
        level = self._levels[len(ids)]
        return float(level.values[choice("policy", policy, POLICIES)][self._row(ids)])

    def action_values(self, prefix: Iterable[int] = (), policy: str = "optimal") -> FloatArray:
        """Return the value of each token after ``prefix``, float64 [V]; minus infinity where it is not allowed."""
        ids, eos = self._checked(prefix), self.episodes.space.eos_id
        following = self._levels[len(ids) + 1]
        values = np.full(self.episodes.space.vocab_size, -np.inf)
        for token in np.flatnonzero(self._allowed[len(ids)]).tolist():
            if token == eos:
                values[token] = self._levels[len(ids)].scores[self._row(ids)]
            else:
                values[token] = following.values[choice("policy", policy, POLICIES)][self._row([*ids, token])]
        return values

    def _row(self, ids: list[int]) -> int:
        return self._levels[len(ids)].rows[self._prefixes.read(self.episodes.tokenizer.decode(ids))]

    def _checked(self, prefix: Iterable[int]) -> list[int]:
        ids, T = [whole_number("A token id", token) for token in prefix], self.episodes.space.max_new_tokens
        if len(ids) >= T:
            raise ConfigError(f"A prefix that may still go on has less than T={T} tokens, got {len(ids)}: {ids}.")
        for length, token in enumerate(ids):
            inside = 0 <= token < self.episodes.space.vocab_size
            if not inside or not self._allowed[length, token] or token == self.episodes.space.eos_id:
                raise ConfigError(f"A prefix holds allowed ids other than the eos, got {token} at place {length}.")
        return ids

    def _solve(self, most_states: int) -> list[Level]:
        """Return the levels from no token to T: states forwards, values backwards."""
        levels: list[Level] = []
        moves: list[tuple[npt.NDArray[np.int64], ...]] = []
        rows: dict[Hashable, int] = {self._prefixes.read(""): 0}
        total = 0
        for length in range(self.episodes.space.max_new_tokens + 1):
            levels.append(Level(rows, self._prefixes.scores(list(rows)), {}))
            total += len(rows)
            if total > most_states:
                raise ConfigError(
                    f"There are more than most_states={most_states} different prefixes of at most {length} tokens: "
                    "lower the difficulty or max_new_tokens, raise most_states, or estimate by simulation."
                )
            if length < self.episodes.space.max_new_tokens:
                rows, moved = self._forward(rows)
                moves.append(moved)
        last = levels[-1].scores - self.episodes.missing_eos_penalty * (self.episodes.space.eos_id is not None)
        levels[-1].values.update(dict.fromkeys(POLICIES, last))
        for length in reversed(range(self.episodes.space.max_new_tokens)):
            self._back(levels[length], levels[length + 1], moves[length], length)
        return levels

    def _forward(self, rows: dict[Hashable, int]) -> tuple[dict[Hashable, int], tuple[npt.NDArray[np.int64], ...]]:
        """Return the states one token further, and how they are reached: target rows, tokens, and where each begins."""
        reached: dict[Hashable, int] = {}
        targets: list[int] = []
        tokens: list[int] = []
        begins: list[int] = []
        for state in rows:
            begins.append(len(targets))
            for following, count in self._prefixes.then(state).items():
                targets.append(reached.setdefault(following, len(reached)))
                tokens.append(count)
        return reached, tuple(np.array(column, dtype=np.int64) for column in (targets, tokens, begins))

    def _back(self, level: Level, following: Level, moved: tuple[npt.NDArray[np.int64], ...], length: int) -> None:
        """Fill in the values of a level from those of the following one."""
        targets, tokens, begins = moved
        eos = self.episodes.space.eos_id
        may_end = eos is not None and bool(self._allowed[length, eos])
        best = np.maximum.reduceat(following.values["optimal"][targets], begins)
        total = np.add.reduceat(following.values["uniform"][targets] * tokens, begins)
        level.values["optimal"] = np.maximum(best, level.scores) if may_end else best
        level.values["uniform"] = (total + level.scores * may_end) / (np.add.reduceat(tokens, begins) + may_end)
