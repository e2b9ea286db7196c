"""The state of many dialogues that are played side by side, in arrays where a token changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from textgym.arguments import set_generator_state
from textgym.core import BoolArray, FloatArray, IntArray, Sample
from textgym.dialogue.episodes import DialogueEpisodes, Opened
from textgym.dialogue.snapshots import DialogueState, json_state, lane_snapshot, read_snapshot
from textgym.dialogue.task import Outcome
from textgym.episodes import Start
from textgym.errors import ConfigError
from textgym.judging import PART
from textgym.lanes import Lanes
from textgym.rendering import View
from textgym.simulators import Turn
from textgym.tokenizers import settled

Columns = dict[str, npt.NDArray[Any]]


class Played(NamedTuple):
    """What a step brought.

    Attributes:
        rewards: float64 [count].
        refused: Which of the tokens were not allowed, bool [len(lanes)].
        terminated: bool [count].
        truncated: bool [count].
        told: Some lanes each, and what they tell, arrays [len(these lanes), ...] by key.
    """

    rewards: FloatArray
    refused: BoolArray
    terminated: BoolArray
    truncated: BoolArray
    told: list[tuple[IntArray, Columns]]


class DialogueLanes(Lanes):
    """``count`` dialogues, each with its own random generator.

    Attributes:
        own: Which columns after the prompt hold the agent's own tokens, bool [count, T].
        lengths: How many tokens stand after the prompt, the user's included, int64 [count].
        turn_starts: In which column after the prompt the agent's present turn begins, int64 [count].
        turn_lengths: How many of its tokens count for what is allowed, int64 [count].
        turns: How many turns the agent has finished, int64 [count].
        turn_sums: The sum of their scores, float64 [count].
        said: What was said in turn, the user first, a list of texts for each lane.
        heard: The user's last words and state, for each lane.
        outcomes: How far the agent has come, for each lane.
        finishes: Why each dialogue ended, "" while it goes on.
    """

    episodes: DialogueEpisodes

    def __init__(self, episodes: DialogueEpisodes, count: int) -> None:
        super().__init__(episodes, count)
        self.own = np.zeros((count, episodes.space.max_new_tokens), dtype=bool)
        self.turn_starts = np.zeros(count, dtype=np.int64)
        self.turn_lengths = np.zeros(count, dtype=np.int64)
        self.turns = np.zeros(count, dtype=np.int64)
        self.turn_sums = np.zeros(count)
        self.said: list[list[str]] = [[] for _ in range(count)]
        self.heard: list[Turn] = [Turn("", {})] * count
        self.outcomes = [Outcome()] * count
        self.finishes = [""] * count

    def start(self, lanes: IntArray, starts: Sequence[Start]) -> None:
        """Start dialogues in ``lanes``, which were opened; the first time, in all."""
        super().start(lanes, starts)
        self.own[lanes] = False
        self.turn_starts[lanes] = self.turn_lengths[lanes] = self.turns[lanes] = 0
        self.turn_sums[lanes] = 0.0
        for lane, start in zip(lanes.tolist(), cast(Sequence[Opened], starts), strict=True):
            self.heard[lane], self.said[lane] = start.turn, [start.turn.text]
            self.outcomes[lane], self.finishes[lane] = Outcome(), ""

    def play(self, lanes: IntArray, tokens: IntArray) -> Played:
        """Append ``tokens`` [len(lanes)] in ``lanes``; where a turn ends, let the user answer or the dialogue end."""
        episodes, P = self.episodes, self.episodes.space.max_prompt_tokens
        refused = episodes.refused(tokens, self.turn_lengths[lanes])
        column = self.lengths[lanes]
        self.observations[lanes, P + column] = tokens
        self.own[lanes, column] = True
        self.lengths[lanes] = column + 1
        self.turn_lengths[lanes] = np.where(tokens == episodes.turn_id, 0, self.turn_lengths[lanes] + 1)
        self.matched[lanes] = matched = episodes.space.stop.after(self.matched[lanes], tokens)
        over = episodes.turn_ends(tokens, matched, column + 1 - self.turn_starts[lanes], column + 1)
        rewards, told = np.zeros(self.count), []
        if refused.any():
            rewards[lanes] -= episodes.invalid_action_penalty * refused
        if over.any():
            rewards[lanes[over]] -= episodes.unfinished(tokens[over], matched[over])
            with self._paying():
                told = self._converse(lanes[over], rewards)
        self.returns += rewards
        return Played(rewards, refused, *self._ends(lanes, over), told)

    def _ends(self, lanes: IntArray, over: BoolArray) -> tuple[BoolArray, BoolArray]:
        """Return which lanes terminate and which are truncated, bool [count] each."""
        terminated, truncated = np.zeros((2, self.count), dtype=bool)
        for lane in lanes[over].tolist():
            if self.ended[lane]:
                by_itself = self.finishes[lane] in ("goal", "user")
                terminated[lane] = by_itself or self.episodes.on_length == "terminate"
                truncated[lane] = not terminated[lane]
        return terminated, truncated

    def _converse(self, lanes: IntArray, rewards: FloatArray) -> list[tuple[IntArray, Columns]]:
        """Judge the turns that just ended, and go on or end; add to ``rewards``, and return what there is to tell."""
        numbers = lanes.tolist()
        texts = self.episodes.decode(self._present_turns(numbers))
        judged, scores = self.episodes.judge_turns(texts, [self._asked(lane) for lane in numbers])
        rewards[lanes[judged]] += self.episodes.turn_weight * scores / self.episodes.max_turns
        self.turn_sums[lanes[judged]] += scores
        self.turns[lanes] += 1
        for lane, text in zip(numbers, texts, strict=True):
            self.said[lane].append(text)
            self.outcomes[lane] = self.episodes.assess(text, self.starts[lane].sample, self.outcomes[lane])
            self.finishes[lane] = self._finish(lane)
        self._answer([lane for lane in numbers if not self.finishes[lane]])
        self.ended[lanes] = [bool(self.finishes[lane]) for lane in numbers]
        answers = [self.said[lane][-1] if len(self.said[lane]) % 2 else "" for lane in numbers]
        told = [(lanes, {"turn": _objects(texts), "answer": _objects(answers), "own": self.own[lanes]})]
        told += [(lanes[judged], {"turn_score": scores})] if len(judged) else []
        ended = lanes[self.ended[lanes]]
        return [*told, (ended, self._end(ended, rewards))] if len(ended) else told

    def _present_turns(self, lanes: list[int]) -> list[list[int]]:
        P = self.episodes.space.max_prompt_tokens
        spans = zip(lanes, (P + self.turn_starts[lanes]).tolist(), (P + self.lengths[lanes]).tolist(), strict=True)
        return [self.observations[lane, first:last].tolist() for lane, first, last in spans]

    def _asked(self, lane: int) -> Sample:
        """Return what the turn of a lane is judged against."""
        return Sample(self.said[lane][-1], self.heard[lane].references, self.starts[lane].sample.metadata)

    def _finish(self, lane: int) -> str:
        """Return why a dialogue ends with the agent's turn, "" where it does not."""
        if self.outcomes[lane].success:
            return "goal"
        if self.turns[lane] >= self.episodes.max_turns:
            return "turns"
        return "length" if self.lengths[lane] >= self.episodes.space.max_new_tokens else ""

    def _answer(self, lanes: list[int]) -> None:
        """Let the user answer in ``lanes``, which may end the dialogue."""
        if not lanes:
            return
        texts, samples = [self.said[lane][-1] for lane in lanes], [self.starts[lane].sample for lane in lanes]
        turns = self.episodes.answers(texts, [self.heard[lane] for lane in lanes], samples)
        P, T = self.episodes.space.max_prompt_tokens, self.episodes.space.max_new_tokens
        for lane, turn in zip(lanes, turns, strict=True):
            self.heard[lane] = turn
            self.said[lane].append(turn.text)
            first = int(self.lengths[lane])
            ids = self.episodes.answer_ids(turn.text)[: T - first]
            last = first + len(ids)
            self.observations[lane, P + first : P + last] = ids
            self.lengths[lane] = self.turn_starts[lane] = last
            self.turn_lengths[lane] = self.matched[lane] = 0
            self.finishes[lane] = "user" if turn.over else "length" if last >= T else ""

    def _end(self, lanes: IntArray, rewards: FloatArray) -> Columns:
        """Judge dialogues that ended; add to ``rewards``, and return what they tell."""
        numbers, weight = lanes.tolist(), self.episodes.turn_weight
        outcomes, turns = [self.outcomes[lane] for lane in numbers], self.turns[lanes]
        texts = ["\n".join(self.said[lane][1::2]) for lane in numbers]
        judged = self.episodes.judge_dialogues(texts, [self.starts[lane].sample for lane in numbers], outcomes, turns)
        rewards[lanes] += (1.0 - weight) * judged.scores
        self.episodes.observe(judged.parts)
        return {
            "response": _objects(texts),
            "finish": _objects([self.finishes[lane] for lane in numbers]),
            "score": (1.0 - weight) * judged.scores + weight * self.turn_sums[lanes] / self.episodes.max_turns,
            "length": self.own[lanes].sum(axis=1),
            "turns": turns,
            "success": np.array([outcome.success for outcome in outcomes], dtype=bool),
            "slots": np.array([outcome.slots for outcome in outcomes], dtype=np.float64),
            "transcript": _objects([list(self.said[lane]) for lane in numbers]),
            **{f"{PART}{name}": values for name, values in judged.parts.items()},
        }

    def views(self) -> list[View]:
        """Return what one sees of each lane; nothing before the first start."""
        if not self.starts:
            return []
        present = self.episodes.decode(self._present_turns(list(range(self.count))))
        return [self._view(lane, text) for lane, text in enumerate(present)]

    def _view(self, lane: int, present: str) -> View:
        first, *turns = self.said[lane]
        text: str | None = settled(present)
        if self.ended[lane]:  # the last words are the agent's, or else those of a user who gets no answer
            text = turns.pop() if len(turns) % 2 else None
        said = [(("agent", "user")[i % 2], turn) for i, turn in enumerate(turns)]
        total, ended = float(self.returns[lane]), bool(self.ended[lane])
        return View(first, text, (), total, ended, said, label="agent", prompt_label="user")

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the state of each lane, JSON values only."""
        return [self._lane_snapshot(lane) for lane in range(self.count)]

    def _lane_snapshot(self, lane: int) -> dict[str, Any]:
        state = DialogueState(
            index=self.starts[lane].index,
            opening=list(self.starts[lane].sample.references),
            said=list(self.said[lane]),
            tokens=self.responses(np.array([lane]))[0],
            own=np.flatnonzero(self.own[lane]).tolist(),
            turn_start=int(self.turn_starts[lane]),
            state=json_state(self.heard[lane].state, self.episodes.simulator.name),
            references=list(self.heard[lane].references),
            success=self.outcomes[lane].success,
            slots=self.outcomes[lane].slots,
            turns=int(self.turns[lane]),
            turn_sum=float(self.turn_sums[lane]),
            total=float(self.returns[lane]),
            finish=self.finishes[lane],
        )
        return lane_snapshot(state, self.generators[lane])

    def restore(self, snapshots: Sequence[Mapping[str, Any]]) -> None:
        """Set the state of each lane to its snapshot."""
        if len(snapshots) != self.count:
            raise ConfigError(f"The snapshot has {len(snapshots)} lanes, this environment has {self.count}.")
        read = [read_snapshot(snapshot, self.episodes) for snapshot in snapshots]
        for generator, (_, _, state) in zip(self.generators, read, strict=True):
            set_generator_state(generator, state)
        self.start(self.all, [opened for opened, _, _ in read])
        for lane, (_, told, _) in enumerate(read):
            self._restore_lane(lane, told)
        self.turn_lengths[:] = self.episodes.space.turn_lengths(self.observations)

    def _restore_lane(self, lane: int, told: DialogueState) -> None:
        P, length = self.episodes.space.max_prompt_tokens, len(told.tokens)
        self.observations[lane, P : P + length] = told.tokens
        self.own[lane, told.own] = True
        self.lengths[lane], self.turn_starts[lane] = length, told.turn_start
        self.matched[lane] = self.episodes.space.stop.follow(told.tokens[told.turn_start :])
        self.turns[lane], self.turn_sums[lane], self.returns[lane] = told.turns, told.turn_sum, told.total
        self.heard[lane] = Turn(told.said[0], told.state, tuple(told.references))
        self.said[lane] = list(told.said)
        self.outcomes[lane] = Outcome(told.success, told.slots)
        self.finishes[lane], self.ended[lane] = told.finish, bool(told.finish)


def _objects(values: Sequence[Any]) -> npt.NDArray[Any]:
    return np.fromiter(values, dtype=object, count=len(values))
