"""XSum: one sentence for an article."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.hub import CONVERTED
from textgym.data.shapes import text_of
from textgym.tasks.published.articles import ArticleTask
from textgym.tasks.published.registering import benchmark

BART = "BART, Lewis et al., ACL 2020, table 3"


@benchmark("xsum", id="textgym/XSum-v0")
class XSum(ArticleTask):
    """Say in one sentence what an article is about.

    Articles of the BBC and the sentence that introduces each (Narayan et al., 2018): 204,045 / 11,332 / 11,334. A few
    articles are blank as published, and stay in so that scores compare.

    ## Prompt
    The first ``words`` words of the article, then "TL;DR:" (RL4LMs, ``Xsum``), where cutting an overlong prompt on the
    left cannot reach it.

    ## Response
    One sentence of some 23 words.

    ## Reward
    ROUGE-L; tables give ROUGE-1, ROUGE-2 and ROUGE-L.
    """

    repository = "EdinburghNLP/xsum"
    revision = CONVERTED
    download = "the parquet files of huggingface.co/datasets/EdinburghNLP/xsum, branch refs/convert/parquet"
    columns = ("document", "summary")
    max_new_tokens = 64
    card = Card(
        source="Don't Give Me the Details, Just the Summary!, Narayan et al., EMNLP 2018",
        licence="none stated for the text, which is the BBC's",
        metrics=("rouge1", "rouge2", "rougeL"),
        published=results("BART", BART, "ROUGE-1 ROUGE-2 ROUGE-L", 45.14, 22.27, 37.25),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return an article and its first sentence."""
        return Sample(f"{self.beginning(text_of(row, 'document', blank=True))}\nTL;DR:", (text_of(row, "summary"),))
