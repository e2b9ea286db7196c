"""CNN/DailyMail: articles and their highlights; one of the tasks of GRUE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.tasks.published.articles import ArticleTask
from textgym.tasks.published.registering import benchmark

LEAD = "Get To The Point, See et al., ACL 2017, table 1"
ROUGE = "ROUGE-1 ROUGE-2 ROUGE-L"
BART = "BART, Lewis et al., ACL 2020, table 3"


@benchmark("cnn_dailymail", id="textgym/CNNDailyMail-v0")
class CNNDailyMail(ArticleTask):
    """Summarize an article of the news in a few sentences.

    The version without anonymised names, 3.0.0 (Hermann et al., 2015; See et al., 2017): 287,113 / 13,368 / 11,490.

    ## Prompt
    "Summarize: " and the article, as in GRUE (RL4LMs, ``task_configs/summarization``), which keeps the first 512 tokens
    of T5: the first ``words`` words here, as what matters in news stands first.

    ## Response
    The highlights, three or four sentences, one a line.

    ## Reward
    ROUGE-L; tables give ROUGE-1, ROUGE-2 and ROUGE-Lsum.
    """

    repository = "abisee/cnn_dailymail"
    config = "3.0.0"
    download = "the parquet files of huggingface.co/datasets/abisee/cnn_dailymail, folder 3.0.0"
    columns = ("article", "highlights")
    max_new_tokens = 128
    card = Card(
        source="Get To The Point: Summarization with Pointer-Generator Networks, See et al., ACL 2017",
        licence="Apache-2.0 for the processing, as the hub states; the articles are CNN's and the Daily Mail's",
        metrics=("rouge1", "rouge2", "rougeLsum", "meteor"),
        published=(
            *results("Lead-3", LEAD, ROUGE, 40.34, 17.70, 36.57),
            *results("BART", BART, ROUGE, 44.16, 21.28, 40.90),
        ),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return an article and its highlights."""
        article = self.beginning(text_of(row, "article", blank=True))
        return Sample(f"Summarize: {article}", (text_of(row, "highlights"),))
