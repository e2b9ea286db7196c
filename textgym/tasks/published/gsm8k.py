"""GSM8K: word problems of school mathematics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask

VERL = "verl, docs/algo/baseline.md"


@benchmark("gsm8k", id="textgym/GSM8K-v0")
class GSM8K(PublishedTask):
    """Solve a word problem of school mathematics step by step.

    Problems that take two to eight steps (Cobbe et al., 2021): 7,473 / 1,319. No validation split is published: it is
    every tenth training problem.

    ## Prompt
    The form of the LM Evaluation Harness::

        Question: Natalia sold clips to 48 of her friends in April, and then ...
        Answer:

    ## Response
    The steps, then the answer behind four hashes, as in the references: ``#### 72``.

    ## Reward
    ``final_answer``: 1 where the number behind the last ``####`` is right, else 0.
    """

    repository = "openai/gsm8k"
    config = "main"
    download = "train.jsonl and test.jsonl of github.com/openai/grade-school-math"
    columns = ("question", "answer")
    held_out = 10
    reward = "final_answer"
    max_prompt_tokens = 512
    max_new_tokens = 512
    card = Card(
        source="Training Verifiers to Solve Math Word Problems, Cobbe et al., 2021",
        licence="MIT",
        metrics=("final_answer",),
        published=(
            *results("Qwen2.5-0.5B-Instruct", VERL, "accuracy", 49.6),
            *results("Qwen2.5-0.5B-Instruct, PPO", VERL, "accuracy", 56.7),
        ),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a problem and its solution."""
        return Sample(f"Question: {text_of(row, 'question').strip()}\nAnswer:", (text_of(row, "answer"),))
