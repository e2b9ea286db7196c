"""A task that is played in several turns: who talks, how long, and what success is."""

from __future__ import annotations

from typing import Any, NamedTuple

from textgym.core import Sample, Task

DIALOGUE = {  # for register_env
    "entry_point": "textgym.dialogue.env:DialogueEnv",
    "vector_entry_point": "textgym.dialogue.vector:DialogueVectorEnv",
}


class Outcome(NamedTuple):
    """How far the agent has come.

    Attributes:
        success: Whether the goal is reached, which ends the conversation.
        slots: The share of the goal that the agent has right, in [0, 1].
    """

    success: bool = False
    slots: float = 0.0


class DialogueTask(Task):
    """Samples are goals of a user; a simulator plays the user. For ``textgym.dialogue.env.DialogueEnv``.

    A subclass gives ``samples``, whose ``prompt`` is how a conversation opens where the simulator has no opening of its
    own, and whose ``references`` are what an agent would do well to say then. The rest has defaults, those of open
    conversation: no goal, and no database.

    Attributes:
        simulator: The default user, as accepted by ``textgym.simulators.make_simulator``.
        turn_reward: The default judge of each turn, as accepted by ``textgym.make_reward``; None for none.
        turn_weight: The default share of the turns in the score; 1 where nothing but the turns is judged.
        max_turns: The default limit of the agent's turns.
        max_turn_tokens: The default limit of one of its turns, tokens.
        max_answer_tokens: The default limit of an answer to it, tokens.
    """

    simulator: Any = "retrieval"
    turn_reward: Any = None
    turn_weight: float = 0.0
    max_turns: int = 6
    max_turn_tokens: int = 16
    max_answer_tokens: int = 16

    def assess(self, text: str, sample: Sample, before: Outcome) -> Outcome:
        """Return how far the agent has come after one more turn, ``text``; by default nowhere."""
        return before

    def reply(self, text: str, sample: Sample) -> str | None:
        """Return what something other than the user answers to a turn of the agent, such as a database; None: nothing.

        Such a turn counts, and the user does not hear it.
        """
        return None
