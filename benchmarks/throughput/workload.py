"""What all comparisons play: prompts and responses of a fixed length over a vocabulary of 4,000 words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import textgym
from textgym.core import FloatArray
from textgym.tokenizers import WordTokenizer

WORDS = 4000
SAMPLES = 1000  # as many as rewards remember the references of, when these have 64 words
GPT2 = {"model_type": "gpt2", "n_layer": 4, "n_embd": 256, "n_head": 4, "n_positions": 256}


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
    """

    reward = "bleu"

    def __init__(self, prompt_tokens: int, response_tokens: int) -> None:
        self.max_prompt_tokens, self.max_new_tokens = prompt_tokens, response_tokens

    def tokenizer(self) -> WordTokenizer:
        """Return the words as tokens."""
        return WordTokenizer(f"w{i}" for i in range(WORDS))

    def samples(self, split: str) -> list[textgym.Sample]:
        """Return prompts and references, the same in every split."""
        rng = np.random.default_rng(0)
        lengths = (self.max_prompt_tokens - 1, self.max_new_tokens)  # a separator ends the prompt
        prompts, references = ([_text(rng, length) for _ in range(SAMPLES)] for length in lengths)
        return [textgym.Sample(*pair) for pair in zip(prompts, [(text,) for text in references], strict=True)]


def _text(rng: np.random.Generator, length: int) -> str:
    return " ".join(f"w{i}" for i in rng.integers(WORDS, size=length))


def arguments(prompt_tokens: int, response_tokens: int, reward: Any = None) -> dict[str, Any]:
    """Return the arguments of an environment whose responses are of the stated length, free of charge by default."""
    return {
        "task": Words(prompt_tokens, response_tokens),
        "reward": FreeReward() if reward is None else reward,
        "stop_at_eos": False,
    }
