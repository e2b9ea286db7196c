"""DailyDialog++: the next turn of a conversation, with five good answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.data.jsonl import JsonLines
from textgym.data.shapes import texts_of
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask

TURN = " <EOU> "


@benchmark("dailydialog_pp", id="textgym/DailyDialogPlusPlus-v0")
class DailyDialogPlusPlus(PublishedTask):
    """Write the next turn of a conversation about everyday life, which has five references.

    Contexts of DailyDialog with five good answers, five that only sound alike and, for some, five drawn at random
    (Sai et al., 2020): 9,259 / 1,028 / 1,142.

    ## Prompt
    The turns before, with a mark behind each, as in the DailyDialog task::

        Am I too abrupt ? <EOU> No ! I have been expecting this moment for a long time . <EOU>

    ## Response
    An answer. The answers that only sound alike are in ``metadata["adversarial"]``: a good metric puts them below.

    ## Reward
    METEOR, the best reference counts.
    """

    download = "dataset/*.json of github.com/iitmnlp/DailyDialog-plusplus"
    files = published_files("train.json", "dev.json", "test.json")
    reader = JsonLines  # in files that are called .json
    columns = ("context", "positive_responses")
    reward = "meteor"
    max_prompt_tokens = 128
    max_new_tokens = 48
    card = Card(
        source="Improving Dialog Evaluation with a Multi-reference Adversarial Dataset, Sai et al., TACL 2020",
        licence="CC BY-NC-SA 4.0 (the contexts)",
        metrics=("meteor", "bleu", "chrf", "distinct"),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a context and its good answers."""
        prompt = TURN.join(text.strip() for text in texts_of(row, "context")) + TURN.rstrip()
        others = {"id": row.get("id"), "adversarial": row.get("adversarial_negative_responses") or []}
        return Sample(prompt, tuple(texts_of(row, "positive_responses")), others)
