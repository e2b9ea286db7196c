"""What the single and the vector environment of dialogues share: who talks, how long, and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textgym.arguments import real_number, whole_number
from textgym.core import BoolArray, FloatArray, IntArray, Reward, Sample, Task
from textgym.dialogue.task import DialogueTask, Outcome
from textgym.episodes import Episodes, Start
from textgym.errors import ConfigError, DataError
from textgym.judging import Judged
from textgym.memo import Memo
from textgym.registration import make_reward, make_task
from textgym.rewards.composite import judge_parts
from textgym.rewards.judge import judge
from textgym.simulators import Simulator, Turn, make_simulator
from textgym.simulators.base import checked_turns
from textgym.spaces import EMPTY, TokenSpace
from textgym.tokenizers import Tokenizer

SHAPING = {"shaping": None, "potential_at": "token", "discount": 1.0, "reward_delay": 0}  # as it is without any
CHARACTERS = 2_000_000  # of remembered answers, for all environments together


@dataclass(frozen=True, slots=True)
class Opened(Start):
    """A conversation before the agent's first turn: the sample's prompt is what the user said."""

    turn: Turn


class DialogueEpisodes(Episodes):
    """The arguments of a dialogue environment, resolved; :class:`~textgym.dialogue.env.DialogueEnv` tells of each.

    Attributes:
        manner: The task that says what a dialogue is; not that of the samples where the user brought their own.
        simulator: The user.
        turn_reward: The judge of turns, if there is one.
        turn_id: The id that ends what the user says, -1 where the tokenizer has none.
    """

    def __init__(
        self,
        task: str | Task,
        *,
        simulator: Any = None,
        turn_reward: Any = None,
        turn_weight: float | None = None,
        max_turns: int | None = None,
        max_turn_tokens: int | None = None,
        max_answer_tokens: int | None = None,
        **arguments: Any,
    ) -> None:
        for name, without in SHAPING.items():
            if arguments.pop(name, without) != without:
                raise ConfigError(f"A dialogue has no shaping, and so no {name}: turn_reward='chrf' judges each turn.")
        super().__init__(task, **arguments)
        self._given = task
        self.manner = self._manner()
        self.simulator: Simulator = make_simulator(self.manner.simulator if simulator is None else simulator)
        spec = self.manner.turn_reward if turn_reward is None else turn_reward
        self.turn_reward: Reward | None = None if spec is None else make_reward(spec)
        self.turn_weight = self._weight(turn_weight, turn_reward)
        self.max_turns = self._limit("max_turns", max_turns)
        tokens = min(self.manner.max_turn_tokens, self.space.max_new_tokens)
        self.max_turn_tokens = self._limit("max_turn_tokens", tokens if max_turn_tokens is None else max_turn_tokens)
        self.max_answer_tokens = self._limit("max_answer_tokens", max_answer_tokens)
        self.turn_id = _turn_id(self.tokenizer)
        mark = {} if self.turn_id == EMPTY else {"turn_id": self.turn_id}
        self.space = TokenSpace.from_json(self.space.to_json() | mark)
        self._check_turns()

    @classmethod
    def argument_names(cls) -> list[str]:
        """Return the names that a misspelt argument may have meant."""
        return [name for name in super().argument_names() if name not in SHAPING]

    def _manner(self) -> DialogueTask:
        """Return the task that says what a dialogue is."""
        named = isinstance(self.task, DialogueTask) or not isinstance(self._given, str)
        manner = self.task if named else make_task(self._given)
        if isinstance(manner, DialogueTask):
            return manner
        if isinstance(self._given, DialogueTask):
            return self._given
        raise ConfigError(
            f"A dialogue needs a DialogueTask, which says who talks and how long; the task {manner.name!r} is for one "
            "response: play it with TextGenerationEnv, or derive it from textgym.dialogue.task.DialogueTask."
        )

    def _limit(self, name: str, given: int | None) -> int:
        value = whole_number(name, getattr(self.manner, name) if given is None else given)
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, got {value}.")
        return value

    def _weight(self, given: float | None, turn_reward: Any) -> float:
        default = 0.5 if turn_reward is not None and not self.manner.turn_weight else self.manner.turn_weight
        weight = real_number("turn_weight", default if given is None else given)
        if not 0.0 <= weight <= 1.0:
            raise ConfigError(f"turn_weight is a share of the score, in [0, 1], got {weight}.")
        if weight and self.turn_reward is None:
            raise ConfigError(f"turn_weight={weight} is the weight of a turn_reward: give one too, such as 'chrf'.")
        return weight

    def _check_turns(self) -> None:
        T, least = self.space.max_new_tokens, self.space.min_new_tokens
        if self.max_turn_tokens > T:
            raise ConfigError(f"max_turn_tokens must be at most max_new_tokens={T}, got {self.max_turn_tokens}.")
        if least > self.max_turn_tokens:
            raise ConfigError(
                f"min_new_tokens counts the tokens of a turn, at most max_turn_tokens={self.max_turn_tokens}, "
                f"got {least}."
            )
        if least and self.turn_id == EMPTY:
            raise ConfigError(
                f"min_new_tokens={least} needs a tokenizer with a separator or an eos, which tells where a turn "
                f"begins; {self.tokenizer.signature} has neither."
            )

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return state if self._recipe is None else {name: state[name] for name in state if name != "manner"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.manner = self._manner()

    def open(self, starts: Sequence[Start], seeds: Sequence[int]) -> list[Opened]:
        """Return how the conversations about some samples open, each by chance that comes from its seed."""
        generators = [np.random.default_rng(seed) for seed in seeds]
        turns = self.simulator.start([start.sample for start in starts], generators)
        checked = checked_turns(self.simulator.name, turns, len(starts))
        return [self._opened(start, turn) for start, turn in zip(starts, checked, strict=True)]

    def _opened(self, start: Start, turn: Turn) -> Opened:
        sample = Sample(turn.text, turn.references, start.sample.metadata)
        return Opened(start.index, sample, self.opening_ids(turn.text), turn)

    def opening_ids(self, text: str) -> list[int]:
        """Return the ids of what opens a conversation.

        Raises:
            DataError: There are none, or more than P and ``overlong`` is not "truncate".
        """
        ids, P = self.template.ids(text), self.space.max_prompt_tokens
        if not ids:
            raise DataError(f"The simulator {self.simulator.name!r} opens with a text of no tokens: {text!r}.")
        if len(ids) > P and self.overlong != "truncate":
            raise DataError(
                f"The simulator {self.simulator.name!r} opens with {len(ids)} tokens, more than max_prompt_tokens={P}: "
                f"raise it, or pass overlong='truncate'. It says {text!r}."
            )
        return ids if len(ids) <= P else self.template.shortened(text, P)

    def answers(self, texts: Sequence[str], turns: Sequence[Turn], samples: Sequence[Sample]) -> list[Turn]:
        """Return what is said to each text of the agent: by the database of the task, if it is asked, or by the user.

        Args:
            texts: The agent's turns.
            turns: The user's last ones.
            samples: What each is about.
        """
        replies = [self._reply(text, sample) for text, sample in zip(texts, samples, strict=True)]
        rows = [row for row, reply in enumerate(replies) if reply is None]
        asked = [texts[row] for row in rows], [turns[row].state for row in rows]
        said = iter(checked_turns(self.simulator.name, self.simulator.answer(*asked), len(rows)) if rows else ())
        pairs = zip(replies, turns, strict=True)
        return [next(said) if reply is None else turn._replace(text=reply) for reply, turn in pairs]

    def assess(self, text: str, sample: Sample, before: Outcome) -> Outcome:
        """Return how far the agent has come after the turn ``text``, as the task says."""
        outcome = self.manner.assess(text, sample, before)
        is_outcome = isinstance(outcome, Outcome) and isinstance(outcome.success, (bool, np.bool_))
        if not is_outcome or not 0.0 <= real_number("An outcome's slots", outcome.slots) <= 1.0:
            raise ConfigError(
                f"assess() of the task {self.manner.name!r} must return an Outcome, success True or False and slots in "
                f"[0, 1], got {outcome!r:.120} for the turn {text!r:.80}."
            )
        return Outcome(bool(outcome.success), float(outcome.slots))

    def _reply(self, text: str, sample: Sample) -> str | None:
        reply = self.manner.reply(text, sample)
        if reply is not None and not isinstance(reply, str):
            raise ConfigError(
                f"reply() of the task {self.manner.name!r} must return a text, or None where nothing but the user "
                f"answers, got {reply!r:.120} for the turn {text!r:.80}."
            )
        return reply

    def answer_ids(self, text: str) -> list[int]:
        """Return the ids of what the user says, at most ``max_answer_tokens``; the last one ends it."""
        end = [] if self.turn_id == EMPTY else [self.turn_id]
        ids = _encoded[self.tokenizer, text]
        return [*ids[: self.max_answer_tokens - len(end)], *end]

    def turn_ends(self, tokens: IntArray, matched: IntArray, spoken: IntArray, lengths: IntArray) -> BoolArray:
        """Return where the agent's turn is over, bool.

        Args:
            tokens: The last id of each.
            matched: The state of the space's stop rule after it.
            spoken: How many tokens the turn has.
            lengths: How many tokens stand after the prompt.
        """
        return np.asarray(self.ends(tokens, matched, lengths) | (spoken >= self.max_turn_tokens))

    def judge_turns(self, texts: Sequence[str], samples: Sequence[Sample]) -> tuple[IntArray, FloatArray]:
        """Return which turns can be judged, row numbers, and their scores; ``samples`` say what was said before."""
        if self.turn_reward is None:
            return np.zeros(0, np.int64), np.zeros(0)
        free = not self.turn_reward.needs_references
        rows = [row for row, sample in enumerate(samples) if free or any(map(str.strip, sample.references))]
        if not rows:
            return np.zeros(0, np.int64), np.zeros(0)
        scores = judge(self.turn_reward, [texts[row] for row in rows], [samples[row] for row in rows])
        return np.array(rows), scores

    def judge_dialogues(
        self, texts: Sequence[str], samples: Sequence[Sample], outcomes: Sequence[Outcome], turns: IntArray
    ) -> Judged:
        """Return the scores of whole dialogues but for those of their turns; with a weight of 1 there is nothing else.

        Args:
            texts: All that the agent said in each.
            samples: What each was about.
            outcomes: How each came out.
            turns: How many turns each took.
        """
        if self.turn_weight == 1.0:
            return Judged(list(texts), np.zeros(len(texts)), {})
        told = [
            Sample(
                sample.prompt,
                sample.references,
                {**sample.metadata, **outcome._asdict(), "turns": count, "max_turns": self.max_turns},
            )
            for sample, outcome, count in zip(samples, outcomes, turns.tolist(), strict=True)
        ]
        return Judged(list(texts), *judge_parts(self.reward, texts, told))


def _turn_id(tokenizer: Tokenizer) -> int:
    """Return the id that ends what the user says: a separator, else the eos, as in DialoGPT (Zhang et al., 2020)."""
    ends = (getattr(tokenizer, "sep_id", None), tokenizer.eos_id)
    return next((end for end in ends if end is not None), EMPTY)


def _encode(key: tuple[Tokenizer, str]) -> list[int]:
    tokenizer, text = key
    return tokenizer.encode(text)


_encoded: Memo[tuple[Tokenizer, str], list[int]] = Memo(_encode, CHARACTERS, weight=lambda key: len(key[1]))
