"""A dialogue small enough to reason about: what the tests of dialogues play."""

from collections.abc import Sequence

import numpy as np

from textgym import Sample, register_env, register_simulator, register_task
from textgym.dialogue.task import DIALOGUE, DialogueTask, Outcome
from textgym.simulators import Simulator, Turn
from textgym.tokenizers import CharTokenizer

TOKENIZER = CharTokenizer("abcdefgh ")
EOS, SEP = TOKENIZER.eos_id, TOKENIZER.sep_id
IDS = {char: i for i, char in enumerate("abcdefgh ")}


@register_simulator("tests-echo")
class Echo(Simulator):
    """Opens with the prompt and a letter by chance; answers with the text, turned round, and the count of its turns."""

    def __init__(self, leaves_at: str = "bye", calls: list | None = None) -> None:
        self.leaves_at = leaves_at
        self.calls = calls

    def start(self, samples: Sequence[Sample], generators: Sequence[np.random.Generator]) -> list[Turn]:
        pairs = zip(samples, generators, strict=True)
        return [
            Turn(f"{sample.prompt}{'abcdefgh'[rng.integers(8)]}", {"turn": 0}, sample.references)
            for sample, rng in pairs
        ]

    def answer(self, texts: Sequence[str], states: Sequence[dict]) -> list[Turn]:
        if self.calls is not None:
            self.calls.append(list(texts))
        return [
            Turn(text[::-1] + "ab"[state["turn"] % 2], {"turn": state["turn"] + 1}, (text,), text == self.leaves_at)
            for text, state in zip(texts, states, strict=True)
        ]


@register_task("tests-talk")
class Talk(DialogueTask):
    """The goal is to say one word; every letter of it in a turn counts."""

    reward = "outcome"
    simulator = "tests-echo"
    max_prompt_tokens = 6
    max_new_tokens = 20
    max_turns = 3
    max_turn_tokens = 5
    max_answer_tokens = 6
    splits = ("train", "test")

    def samples(self, split: str) -> Sequence[Sample]:
        words = ["abc", "h", "dd", "fa"]
        return [Sample(word[::-1], (word,), {"word": word}) for word in (words if split == "train" else words[:2])]

    def tokenizer(self) -> CharTokenizer:
        return TOKENIZER

    def assess(self, text: str, sample: Sample, before: Outcome) -> Outcome:
        word = sample.metadata["word"]
        return Outcome(text == word, len(set(word) & set(text)) / len(set(word)))

    def reply(self, text: str, sample: Sample) -> str | None:
        return "gg" if text == "g" else None


register_env("tests/Talk-v0", task="tests-talk", **DIALOGUE)
register_env(
    "tests/TalkStrict-v0",
    task="tests-talk",
    min_new_tokens=2,
    banned_tokens=[0],
    invalid_action_penalty=0.25,
    missing_eos_penalty=0.125,
    on_length="truncate",
    **DIALOGUE,
)
register_env(
    "tests/TalkTurns-v0",
    task="tests-talk",
    reward={"outcome": 0.5, "distinct(n=1)": 0.5},
    turn_reward="edit_similarity",
    turn_weight=0.25,
    max_turns=4,
    stop=["cab", "h"],
    on_length="truncate",
    **DIALOGUE,
)
