"""WikiText: paragraphs of Wikipedia to be continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.tasks.published.articles import ArticleTask
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark

CONTINUED = 96  # words of the reference, some 128 tokens of GPT-2


@benchmark("wikitext", id="textgym/WikiText-v0")
class WikiText(ArticleTask):
    """Go on with a paragraph of Wikipedia.

    Good and featured articles (Merity et al., 2017): WikiText-2, or ``config="wikitext-103-raw-v1"``. A paragraph with
    twice as many words as the prompt is a sample; headings and shorter ones are left out.

    ## Prompt
    The first ``words`` words; 32 tokens are the custom of work on open-ended generation (Su et al., 2022).

    ## Response
    The reference is the next 96 words.

    ## Reward
    ROUGE-L, which tells little of open-ended text: read ``repetition`` and ``distinct`` beside it, or MAUVE (not here).
    """

    repository = "Salesforce/wikitext"
    config = "wikitext-2-raw-v1"
    download = "wiki.train.tokens, or train.txt, valid.txt, test.txt as in github.com/pytorch/examples"
    files = published_files("wiki.train.* train.txt", "wiki.valid.* valid.txt", "wiki.test.* test.txt")
    columns = ("text",)
    varies = True
    shown = 32
    max_prompt_tokens = 96
    max_new_tokens = 128
    card = Card(
        source="Pointer Sentinel Mixture Models, Merity et al., ICLR 2017",
        licence="CC BY-SA 3.0",
        metrics=("rougeL", "repetition", "distinct"),
    )

    def unfolded(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return one sample, or none of a heading or a short paragraph."""
        words = row["text"].split()
        sample = Sample(" ".join(words[: self.words]), (" ".join(words[self.words : self.words + CONTINUED]),))
        return () if len(words) < 2 * self.words or words[0] == "=" else (sample,)
