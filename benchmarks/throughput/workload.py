"""What all comparisons play: prompts of a fixed length over a vocabulary of words that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import textgym
from textgym.core import FloatArray
from textgym.tokenizers import WordTokenizer

WORDS = 4000
SAMPLES = 1000  # as many as rewards remember the references of, when these have 64 words


class FreeReward(textgym.Reward):
    """Costs nothing and is not constant, so that an update has something to do: row i of N gets i / N."""

    name = "free"
    bounds = (0.0, 1.0)

    def __call__(self, responses: Sequence[str], samples: Sequence[textgym.Sample]) -> FloatArray:
        """Return N numbers that do not depend on the responses."""
        return np.arange(len(responses)) / max(1, len(responses))

    @property
    def signature(self) -> str:
        """Only the name: there is nothing else to tell."""
        return self.name


class Words(textgym.Task):
    """Random words; each prompt has exactly P of them, each reference T.

    Args:
        prompt_tokens: P.
        response_tokens: T.
        words: So many different ones.
    """

    reward = "bleu"

    def __init__(self, prompt_tokens: int, response_tokens: int, words: int = WORDS) -> None:
        self.max_prompt_tokens, self.max_new_tokens, self.words = prompt_tokens, response_tokens, words

    def tokenizer(self) -> WordTokenizer:
        """Return the words as tokens."""
        return WordTokenizer(f"w{i}" for i in range(self.words))

    def samples(self, split: str) -> list[textgym.Sample]:
        """Return prompts and references, the same in every split."""
        rng = np.random.default_rng(0)
        lengths = (self.max_prompt_tokens - 1, self.max_new_tokens)  # a separator ends the prompt
        prompts, references = ([_text(rng, length, self.words) for _ in range(SAMPLES)] for length in lengths)
        return [textgym.Sample(*pair) for pair in zip(prompts, [(text,) for text in references], strict=True)]


def _text(rng: np.random.Generator, length: int, words: int) -> str:
    return " ".join(f"w{i}" for i in rng.integers(words, size=length))


def arguments(
    prompt_tokens: int, response_tokens: int, reward: Any = None, words: int = WORDS, ends: bool = False
) -> dict[str, Any]:
    """Return the arguments of an environment that judges free of charge by default.

    Responses have the stated length; with ``ends`` they may end earlier.
    """
    return {
        "task": Words(prompt_tokens, response_tokens, words),
        "reward": FreeReward() if reward is None else reward,
        "stop_at_eos": ends,
    }
