"""SciTLDR: one sentence for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.data.hub import CONVERTED
from textgym.data.shapes import texts_of
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask


@benchmark("scitldr", id="textgym/SciTLDR-v0")
class SciTLDR(PublishedTask):
    """Say in one sentence what a scientific paper is about.

    Abstracts of papers at ICLR, with the authors' own sentence and those of readers (Cachola et al., 2020), the variant
    SciTLDR-A: 1,992 / 619 / 618; a sample of the test split has 3.2 references.

    ## Prompt
    The sentences of the abstract in one line, then "TL;DR:".

    ## Response
    One sentence of some 19 words.

    ## Reward
    ROUGE-L, the best reference counts, as in the paper; tables give ROUGE-1, ROUGE-2 and ROUGE-L.
    """

    repository = "allenai/scitldr"
    config = "Abstract"
    revision = CONVERTED
    download = "SciTLDR-Data/SciTLDR-A of github.com/allenai/scitldr: train.jsonl, dev.jsonl, test.jsonl"
    columns = ("source", "target")
    reward = "rougeL"
    max_prompt_tokens = 512
    max_new_tokens = 64
    card = Card(
        source="TLDR: Extreme Summarization of Scientific Documents, Cachola et al., Findings of EMNLP 2020",
        licence="Apache-2.0",
        metrics=("rouge1", "rouge2", "rougeL"),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return an abstract and the sentences that sum it up."""
        abstract = " ".join(" ".join(texts_of(row, "source")).split())
        targets = tuple(text.strip() for text in texts_of(row, "target"))
        return Sample(f"{abstract}\nTL;DR:", targets, {"id": row.get("paper_id")})
