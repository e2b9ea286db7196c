"""IWSLT 2017: talks, translated; one of the tasks of GRUE."""

from __future__ import annotations

from typing import Any

from textgym.cards import Card
from textgym.data.hub import CONVERTED
from textgym.tasks.published.files import published_files
from textgym.tasks.published.pairs import TranslationPairs
from textgym.tasks.published.registering import benchmark


@benchmark("iwslt17", id="textgym/IWSLT17-v0")
class IWSLT17(TranslationPairs):
    """Translate a sentence of a TED talk.

    The task on small data of IWSLT 2017 (Cettolo et al., 2017), English to German in GRUE (Ramamurthy et al., 2023):
    206,112 / 888 / 8,079.

    ## Prompt
    The sentence behind the words that T5 was taught with, as in GRUE (RL4LMs, ``task_configs/iwslt2017``)::

        translate English to German: Thank you so much, Chris.

    ## Response
    Its translation.

    ## Reward
    BLEU; GRUE trains on BLEU, sacreBLEU, chrF and others.

    Args:
        source: "en", or another language of the campaign.
        target: "de", or another one.
        reading: As :class:`~textgym.tasks.published.task.PublishedTask` takes it.
    """

    repository = "IWSLT/iwslt2017"
    config = "iwslt2017-en-de"
    revision = CONVERTED
    download = "parquet files of the hub, or parallel text train.en and train.de"
    stems = published_files("train", "valid dev", "test")
    prefix = "translate {} to {}: "
    columns = ("translation",)
    max_prompt_tokens = 128
    max_new_tokens = 128
    card = Card(
        source="Overview of the IWSLT 2017 Evaluation Campaign, Cettolo et al., IWSLT 2017",
        licence="CC BY-NC-ND 4.0 (TED talks)",
        metrics=("bleu", "chrf", "ter"),
    )

    def __init__(self, source: str = "en", target: str = "de", **reading: Any) -> None:
        super().__init__(source, target, **reading)
        if self.hub_config == type(self).config:
            self.hub_config = f"iwslt2017-{source}-{target}"
