"""SAMSum: chats and what they were about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask


@benchmark("samsum", id="textgym/SAMSum-v0")
class SAMSum(PublishedTask):
    """Say what a chat between friends was about.

    Chats that linguists wrote, with their summaries (Gliwa et al., 2019): 14,732 / 818 / 819. A chat of the training
    split is blank as published, and stays in.

    ## Prompt
    The chat, a message a line, as published, then "Summary:"::

        Amanda: I baked cookies. Do you want some?
        Jerry: Sure!
        Summary:

    ## Response
    One to three sentences in the third person, some 20 words.

    ## Reward
    ROUGE-L; tables give ROUGE-1, ROUGE-2 and ROUGE-L.
    """

    repository = "knkarthick/samsum"
    download = "train.csv, validation.csv and test.csv of huggingface.co/datasets/knkarthick/samsum"
    columns = ("dialogue", "summary")
    reward = "rougeL"
    max_prompt_tokens = 512
    max_new_tokens = 96
    card = Card(
        source="SAMSum Corpus: A Human-annotated Dialogue Dataset for Abstractive Summarization, Gliwa et al., 2019",
        licence="CC BY-NC-ND 4.0",
        metrics=("rouge1", "rouge2", "rougeL"),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a chat and its summary."""
        chat = "\n".join(text_of(row, "dialogue", blank=True).splitlines())
        return Sample(f"{chat}\nSummary:", (text_of(row, "summary"),), {"id": row.get("id")})
