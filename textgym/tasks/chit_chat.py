"""Open conversation in several turns with somebody who talks as people did."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from textgym.cards import Card
from textgym.core import Sample
from textgym.data.chitchat import SPLITS, conversations, split_of
from textgym.dialogue.task import DIALOGUE, DialogueTask
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_env, register_task

LONGEST = 300  # characters of an opening and of the turn after it


@register_task("chit_chat")
class ChitChat(DialogueTask):
    """Keep up an open conversation: each turn is compared with what a person said in the same place.

    The first turns of the conversations of the Chit-Chat Challenge of Brigham Young University (package
    ``chitchat-dataset``, MIT licence) open; the user goes on as the simulator does. Conversations are split 90/5/5 by
    the CRC-32 of their id, as those of ``textgym/Dialogue-v0`` are.

    ## Reward
    chrF of each turn against what a person said in its place, where the simulator knows that (``retrieval`` does),
    divided by the limit of turns: a conversation that ends early pays less.
    """

    reward = "chrf"
    simulator = "retrieval"
    turn_reward = "chrf"
    turn_weight = 1.0
    max_prompt_tokens = 64
    max_new_tokens = 192
    max_turns = 4
    max_turn_tokens = 24
    max_answer_tokens = 32
    overlong = "truncate"  # the opening loses its oldest words, as a listener forgets them
    card = Card(
        source="the Chit-Chat Challenge of Brigham Young University (package chitchat-dataset)",
        licence="MIT",
        metrics=("chrf", "distinct"),
    )

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the openings of a split, in the order of the data."""
        if split not in SPLITS:
            raise ConfigError(f"The task 'chit_chat' has no split {split!r}. {did_you_mean(split, SPLITS)}")
        return _openings()[split]


@cache
def _openings() -> dict[str, tuple[Sample, ...]]:
    splits: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    for name, texts in conversations("The task 'chit_chat'"):
        if len(texts) > 1 and all(0 < len(text) <= LONGEST for text in texts[:2]):
            splits[split_of(name)].append(Sample(texts[0], (texts[1],), {"conversation": name}))
    return {split: tuple(samples) for split, samples in splits.items()}


register_env("textgym/ChitChat-v0", task="chit_chat", **DIALOGUE)
