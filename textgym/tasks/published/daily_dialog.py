"""DailyDialog: the next turn of a conversation; one of the tasks of GRUE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.data.hub import CONVERTED
from textgym.data.shapes import texts_of
from textgym.tasks.published.conversation import ConversationTask
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark

TURN = " <EOU> "


@benchmark("daily_dialog", id="textgym/DailyDialog-v0")
class DailyDialog(ConversationTask):
    """Write the next turn of a conversation about everyday life.

    Conversations that learners of English read (Li et al., 2017): 11,118 / 1,000 / 1,000, each turn behind the first
    ``turns`` a sample.

    ## Prompt
    The ``turns`` turns before, with the mark of GRUE between them (RL4LMs, ``DailyDialog``, ``context_size=5``)::

        Say , Jim , how about going for a few beers after dinner ? <EOU> You know that is tempting ... <EOU>

    ## Response
    The turn that followed, without the mark.

    ## Reward
    METEOR, which with the accuracy of the dialogue act, by a classifier, is the reward of GRUE.
    """

    repository = "li2017dailydialog/daily_dialog"
    revision = CONVERTED
    download = "ijcnlp_dailydialog.zip of yanran.li/dailydialog, unpacked, the folders in it too"
    files = published_files(*(f"dialogues_{s}.txt {s}/dialogues_{s}.txt" for s in ("train", "validation", "test")))
    columns = ("dialog",)
    shown = 5
    aliases = (("text", "dialog"),)  # of the published files, whose turns end with a mark
    reward = "meteor"
    max_prompt_tokens = 128
    max_new_tokens = 48
    card = Card(
        source="DailyDialog: A Manually Labelled Multi-turn Dialogue Dataset, Li et al., IJCNLP 2017",
        licence="CC BY-NC-SA 4.0",
        metrics=("meteor", "bleu", "chrf", "distinct"),
    )

    def unfolded(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return a sample for each turn that has enough turns before it."""
        whole = row["dialog"]
        turns = whole.split("__eou__") if isinstance(whole, str) else texts_of(row, "dialog")
        found = [one for one in self.replies([text.strip() for text in turns]) if len(one[1]) == self.turns]
        return [Sample(TURN.join(window) + TURN.rstrip(), (reply,), {"turn": i}) for i, window, reply in found]
