"""The test sets of WMT: news, translated."""

from __future__ import annotations

from typing import Any

from textgym.arguments import choice
from textgym.cards import Card, results
from textgym.tasks.published.pairs import TranslationPairs
from textgym.tasks.published.registering import benchmark

TABLE = "Attention Is All You Need, Vaswani et al., 2017, table 2 (newstest2014, tokenised BLEU)"


@benchmark("wmt", id="textgym/WMT-v0")
class WMT(TranslationPairs):
    """Translate a sentence of the news.

    English to German wmt14 has 3,003 sentences in "test" (on the hub, and as wmt14/full of sacreBLEU). A test set alone
    needs ``split="test"`` and ``tokenizer=``.

    ## Prompt
    The sentence as sacreBLEU writes it; ``template="translate English to German: {prompt}"`` is what T5 was taught.

    ## Response
    Its translation.

    ## Reward
    BLEU.

    Args:
        testset: "wmt14" to "wmt19".
        source: The language to translate from; one of the two is English.
        target: That to translate into.
        reading: As :class:`~textgym.tasks.published.task.PublishedTask` takes it.
    """

    repository = "wmt/wmt14"
    download = "sacrebleu -t wmt14 -l en-de --echo src writes wmt14.en-de.src and .ref into ~/.sacrebleu"
    columns = ("translation",)
    ends = ("src", "ref")
    max_prompt_tokens = 256
    max_new_tokens = 256
    card = Card(
        source="Findings of the 2014 Workshop on Statistical Machine Translation, Bojar et al., 2014, and others",
        licence="none stated: research use",
        metrics=("bleu", "chrf", "ter"),
        published=results("Transformer (big)", TABLE, "BLEU", 28.4),
    )

    def __init__(self, testset: str = "wmt14", source: str = "en", target: str = "de", **reading: Any) -> None:
        super().__init__(source, target, **reading)
        choice("testset", testset, [f"wmt{year}" for year in range(14, 20)])
        if self.hub_name == type(self).repository:
            self.hub_name = f"wmt/{testset}"
            self.hub_config = reading.get("config") or f"{source if target == 'en' else target}-en"
        self.stems = {"test": [f"{testset}{part}.{source}-{target}" for part in ("_full", "")]}
