"""IMDB: reviews of films to be continued in a positive tone; one of the tasks of GRUE."""

from __future__ import annotations

from textgym.cards import Card
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.reviews import ReviewContinuation


@benchmark("imdb", id="textgym/IMDB-v0")
class IMDB(ReviewContinuation):
    """Go on with the review of a film, and sound positive.

    The Large Movie Review Dataset (Maas et al., 2011): 25,000 reviews each for training and testing. No validation
    split is published: it is every fifth training review, a share of 20 % as in GRUE, where it is drawn anew each time.

    ## Prompt
    The first half of a review, by words, of which the last 64 tokens are shown, as in GRUE (RL4LMs, ``IMDB`` and
    ``task_configs/imdb_text_continuation``). Marks such as ``<br />`` are part of the text.

    ## Response
    48 tokens. The reference is the second half of the review.

    ## Reward
    The compound score of VADER, from -1 to 1, which works offline. That of GRUE is the probability of the label
    "positive" that a classifier gives to prompt and response, and perplexity is told beside it:
    ``reward={"name": "classifier", "model": "lvwerra/distilbert-imdb", "label": 1, "reads": "pair"}``.
    """

    repository = "stanfordnlp/imdb"
    config = "plain_text"
    download = "the parquet files of huggingface.co/datasets/stanfordnlp/imdb, folder plain_text"
    held_out = 5
    card = Card(
        source="Learning Word Vectors for Sentiment Analysis, Maas et al., 2011; GRUE: Ramamurthy et al., 2023",
        licence="none stated: research use",
        metrics=("sentiment", "distinct", "repetition"),
    )
