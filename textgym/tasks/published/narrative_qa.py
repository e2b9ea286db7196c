"""NarrativeQA: questions about books and films; one of the tasks of GRUE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.tasks.published.articles import ArticleTask
from textgym.tasks.published.registering import benchmark


@benchmark("narrative_qa", id="textgym/NarrativeQA-v0")
class NarrativeQA(ArticleTask):
    r"""Answer a question about a book or a film from the summary of its plot.

    Questions and answers that people wrote from summaries (Kočiský et al., 2018): 32,747 / 3,461 / 10,557, with two
    answers each. The whole books, which the data holds too, are not shown.

    ## Prompt
    The question, the characters ``\n``, and the first ``words`` words of the summary, in lower case: the form of
    UnifiedQA (Khashabi et al., 2020), which GRUE uses (RL4LMs, ``NarrativeQA``).

    ## Response
    A few words, in lower case.

    ## Reward
    ROUGE-L, the better answer counts, as in GRUE and in the paper's tables, which also give BLEU and METEOR.
    """

    repository = "deepmind/narrativeqa"
    download = "the parquet files of huggingface.co/datasets/deepmind/narrativeqa"
    columns = ("document", "question", "answers")
    max_new_tokens = 50
    card = Card(
        source="The NarrativeQA Reading Comprehension Challenge, Kočiský et al., TACL 2018",
        licence="Apache-2.0",
        metrics=("rougeL", "bleu", "meteor", "token_f1"),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a question with its summary, and the answers."""
        summary = self.beginning(row["document"]["summary"]["text"])
        answers = tuple(answer["text"].lower().strip() for answer in row["answers"])
        return Sample(f"{row['question']['text'].strip()} \\n {summary}".lower(), answers)
