"""CommonGen: a sentence with given words; one of the tasks of GRUE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.shapes import text_of, texts_of
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask

BOARD = "archived leaderboard, version 1.1, of inklab.usc.edu/CommonGen (hidden test set)"


@benchmark("common_gen", id="textgym/CommonGen-v0")
class CommonGen(PublishedTask):
    """Write a sentence about everyday life that holds three to five given words.

    Sets of words and sentences that people wrote with them (Lin et al., 2020): 32,651 sets with 67,389 sentences for
    training, 993 with 4,018 for validation; a set with its sentences is one sample. The references of the test split
    are not published, so it is left out.

    ## Prompt
    As in GRUE (RL4LMs, ``task_configs/common_gen``)::

        generate a sentence with: field look stand.

    ## Response
    One sentence of some 11 words; other forms of the words count.

    ## Reward
    METEOR, as in GRUE, which subtracts a penalty for words that are said twice: ``"meteor - 0.5*repetition"`` is near
    to it. Tables give BLEU-4, CIDEr and SPICE (not here, as it needs a parser); ``coverage`` is the share of the words.
    """

    repository = "allenai/common_gen"
    download = "the parquet files of huggingface.co/datasets/allenai/common_gen"
    columns = ("concepts", "target")
    merged = True
    splits = ("train", "validation")
    reward = "meteor"
    max_prompt_tokens = 48
    max_new_tokens = 48
    card = Card(
        source="CommonGen: A Constrained Text Generation Challenge, Lin et al., Findings of EMNLP 2020",
        licence="MIT",
        metrics=("meteor", "bleu", "rougeL", "coverage"),
        published=(
            *results("DKMR^2", BOARD, "BLEU-4 CIDEr SPICE", 44.33, 19.538, 34.589),
            *results("people", BOARD, "BLEU-4 CIDEr SPICE", 46.49, 37.64, 52.43),
        ),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a set of words and a sentence."""
        words = texts_of(row, "concepts")
        return Sample(f"generate a sentence with: {' '.join(words)}.", (text_of(row, "target"),), {"required": words})
