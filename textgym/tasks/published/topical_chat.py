"""Topical-Chat: the next turn of a conversation about something that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.tasks.published.conversation import ConversationTask, transcript
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark


@benchmark("topical_chat", id="textgym/TopicalChat-v0")
class TopicalChat(ConversationTask):
    """Write the next turn of a conversation between two who have read about a topic.

    Conversations of some 22 turns (Gopalakrishnan et al., 2019): 8,628 / 539 / 539, of which "validation" and "test"
    are those about frequent entities; the rare ones are ``data={"test": "test_rare.json"}``.

    ## Prompt
    The last ``turns`` turns, a line each, and the mark of who speaks next. The agent is always B::

        A: Are you a football fan?
        B:

    ## Response
    The turn that followed. How people judged it is in ``metadata["rating"]``. What the speakers had read is not shown.

    ## Reward
    chrF, as with one reference of some 20 words sentence BLEU is nearly always almost zero.
    """

    download = "conversations/*.json of github.com/alexa/Topical-Chat"
    files = published_files("train.json", "valid_freq.json", "test_freq.json test_rare.json")
    columns = ("content",)
    card = Card(
        source="Topical-Chat: Towards Knowledge-Grounded Open-Domain Conversations, Gopalakrishnan et al., 2019",
        licence="CDLA-Sharing-1.0",
        metrics=("chrf", "bleu", "meteor", "distinct"),
    )

    def unfolded(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return a sample for each turn but the first."""
        turns = [" ".join(turn["message"].split()) for turn in row["content"]]
        about = [
            {"conversation": row.get("id"), "turn": i, "rating": t.get("turn_rating")}
            for i, t in enumerate(row["content"])
        ]
        return [Sample(transcript(window, "A", "B"), (reply,), about[i]) for i, window, reply in self.replies(turns)]
