"""Multi30k: captions of photographs, translated."""

from __future__ import annotations

from typing import Any

from textgym.cards import Card
from textgym.tasks.published.files import published_files
from textgym.tasks.published.pairs import TranslationPairs
from textgym.tasks.published.registering import benchmark


@benchmark("multi30k", id="textgym/Multi30k-v0")
class Multi30k(TranslationPairs):
    """Translate a caption of a photograph.

    Captions of Flickr30k and their translations by professionals (Elliott et al., 2016): 29,000 / 1,014 / 1,000, some
    12 words each; "test" is test_2016_flickr.

    ## Prompt
    The caption as it is published, not tokenised (github.com/multi30k/dataset, ``data/task1/raw``)::

        Two young, White males are outside near many bushes.

    ## Response
    Its translation.

    ## Reward
    BLEU with effective order, as sacreBLEU's sentence score has it; tables give corpus BLEU.

    Args:
        source: "en", or another language of the files ("de", "fr", "cs").
        target: "de", or another one.
        reading: As :class:`~textgym.tasks.published.task.PublishedTask` takes it.
    """

    repository = "bentrevett/multi30k"
    download = "data/task1/raw of github.com/multi30k/dataset"
    stems = published_files("train", "val", "test test_2016_flickr")
    max_prompt_tokens = 64
    max_new_tokens = 64
    card = Card(
        source="Multi30K: Multilingual English-German Image Descriptions, Elliott et al., VL 2016",
        licence="none stated for the text: research use (images and captions are those of Flickr30k)",
        metrics=("bleu", "chrf", "meteor"),
    )

    def __init__(self, source: str = "en", target: str = "de", **reading: Any) -> None:
        super().__init__(source, target, **reading)
        self.columns = self.languages
