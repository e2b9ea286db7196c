"""E2E: a description of a restaurant from its properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.hub import CONVERTED
from textgym.data.shapes import text_of
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask

SLOT = re.compile(r"(\w+)\[([^\]]*)\]")
TGEN = "Findings of the E2E NLG Challenge, Dušek et al., INLG 2018, automatic metrics, baseline"


@benchmark("e2e", id="textgym/E2E-v0")
class E2E(PublishedTask):
    """Describe a restaurant by its properties.

    4,862 / 547 / 630 meaning representations (Novikova et al., 2017), with 42,061 / 4,672 / 4,693 texts as references.

    ## Prompt
    The meaning representation as published::

        name[Alimentum], area[city centre], familyFriendly[no]

    ## Response
    One or two sentences.

    ## Reward
    BLEU over all references; tables give BLEU, NIST, METEOR, ROUGE-L and CIDEr. ``metadata["required"]`` holds the
    values that are said as they stand, for ``coverage`` and ``slot_error_rate``; yes and no are not among them.
    """

    repository = "tuetschek/e2e_nlg"
    revision = CONVERTED
    download = "trainset.csv, devset.csv and testset_w_refs.csv of github.com/tuetschek/e2e-dataset"
    files = published_files("trainset.csv", "devset.csv", "testset_w_refs.csv")
    columns = ("mr", "ref")
    aliases = (("meaning_representation", "mr"), ("human_reference", "ref"))  # on the hub
    merged = True
    max_prompt_tokens = 96
    max_new_tokens = 96
    card = Card(
        source="The E2E Dataset: New Challenges For End-to-End Generation, Novikova et al., SIGDIAL 2017",
        licence="CC BY-SA 4.0",
        metrics=("bleu", "meteor", "rougeL", "slot_error_rate"),
        published=results("TGen", TGEN, "BLEU NIST METEOR ROUGE-L CIDEr", 0.6593, 8.6094, 0.4483, 0.6850, 2.2338),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a meaning representation and one text; those of others are added."""
        values = [value for _, value in SLOT.findall(text_of(row, "mr")) if value not in ("yes", "no")]
        return Sample(row["mr"], (text_of(row, "ref").strip(),), {"required": values})
