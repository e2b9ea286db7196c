"""The polarity dataset: reviews of films, whole, in a zip archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.reviews import ReviewContinuation

FOLDS = {"train": "01234567", "validation": "8", "test": "9"}


@benchmark("movie_reviews", id="textgym/MovieReviews-v0")
class MovieReviews(ReviewContinuation):
    """Go on with the review of a film, and sound positive.

    The polarity dataset 2.0 (Pang and Lee, 2004) as NLTK gives it: 1,000 positive and 1,000 negative reviews of some
    750 words, in lower case, tokenised. The published folds 1 to 8 are the training split, fold 9 is validation, fold
    10 the test: 1,600 / 200 / 200.

    ## Prompt
    The first half of a review, by words, of which the last 64 tokens are shown, as in the IMDB task.

    ## Response
    48 tokens. The reference is the second half of the review.

    ## Reward
    The compound score of VADER, from -1 to 1.
    """

    download = "corpora/movie_reviews.zip of github.com/nltk/nltk_data, packages"
    files = published_files(*["movie_reviews.zip"] * 3)
    columns = ("name", "text")
    varies = True
    card = Card(
        source="A Sentimental Education, Pang and Lee, ACL 2004",
        licence="CC BY 4.0, as NLTK states",
        metrics=("sentiment", "distinct", "repetition"),
    )

    def holds(self, row: Mapping[str, Any], split: str) -> bool:
        """Whether a review is of a fold of the split; its file is called cv, the fold from 0 on, and more digits."""
        name = str(row["name"]).rpartition("/")[2]
        return name.startswith("cv") and name[2:3] in FOLDS[split]

    def label(self, row: Mapping[str, Any]) -> int | None:
        """Return 1 for a review in the folder ``pos``, else 0."""
        return int("/pos/" in row["name"])
