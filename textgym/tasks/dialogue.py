"""Dialogue: answer the last turns of a human conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from textgym.arguments import whole_number
from textgym.cards import Card
from textgym.core import Sample, Task
from textgym.data.chitchat import SPLITS, conversations, split_of
from textgym.errors import ConfigError, did_you_mean
from textgym.registration import register_env, register_task

LONGEST = 1_000  # characters; the 0.2 % of turns beyond it are pasted texts and key mashing, up to 95,440 long


@register_task("dialogue")
class Dialogue(Task):
    """Write what a person said next in an open conversation between two.

    The data is the Chit-Chat Challenge of Brigham Young University (package ``chitchat-dataset``, MIT licence): 7,168
    conversations, of which 4,018 have an answer. The messages that one person sent in a row are one turn. Conversations
    are split 90/5/5 by the CRC-32 of their id, and a held-out prompt that also occurs in the training split (mostly
    greetings) is left out: 117,304 / 6,434 / 7,091 samples with ``turns=3``.

    ## Prompt
    The last ``turns`` turns, a line each, and the mark of who speaks next. The agent is always B::

        A: oh wow haha so you still feel tired huh?
        B: Yeah
        A: did you go to bed late?
        B:

    ## Response
    The turn that followed. The median prompt has 73 tokens of the default tokenizer and 85 % have at most 128; the
    median turn has 18 and 88 % have at most 48.

    ## Reward
    chrF: with a single reference of some ten words, sentence BLEU is nearly always almost zero and tells no good answer
    from a bad one, while character n-grams give partial credit to every shared part of a word.

    Args:
        turns: The most turns in a prompt, at least 1.

    Raises:
        ConfigError: ``turns`` is below 1.
        MissingExtraError: ``chitchat-dataset`` is not installed (told when samples are asked for).
    """

    reward = "chrf"
    max_prompt_tokens = 128
    max_new_tokens = 48
    overlong = "truncate"  # the prompt loses its oldest words, as a listener forgets them
    card = Card(
        source="the Chit-Chat Challenge of Brigham Young University (package chitchat-dataset)",
        licence="MIT",
        metrics=("chrf", "bleu", "distinct"),
    )

    def __init__(self, turns: int = 3) -> None:
        if whole_number("turns", turns) < 1:
            raise ConfigError(f"turns must be at least 1, got {turns}.")
        self.turns = turns

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split, in the order of the data."""
        if split not in SPLITS:
            raise ConfigError(f"The task 'dialogue' has no split {split!r}. {did_you_mean(split, SPLITS)}")
        return _load(self.turns)[split]


@cache
def _load(turns: int) -> dict[str, tuple[Sample, ...]]:
    splits: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    for name, texts in conversations("The task 'dialogue'"):
        splits[split_of(name)].extend(_samples(name, texts, turns))
    seen = {sample.prompt for sample in splits["train"]}
    for split in SPLITS[1:]:
        splits[split] = [sample for sample in splits[split] if sample.prompt not in seen]
        seen.update(sample.prompt for sample in splits[split])
    return {split: tuple(samples) for split, samples in splits.items()}


def _samples(name: str, texts: list[str], turns: int) -> Iterator[Sample]:
    usable = [0 < len(text) <= LONGEST for text in texts]
    for i in range(1, len(texts)):
        first = max(0, i - turns)
        if all(usable[first : i + 1]):
            window = texts[first : i + 1]
            lines = [f"{'BA'[(len(window) - k) % 2]}: {text}" for k, text in enumerate(window[:-1], 1)]
            yield Sample("\n".join([*lines, "B:"]), (window[-1],), {"conversation": name, "turn": i})


register_env("textgym/Dialogue-v0", task="dialogue")
