"""SGD: what an assistant says next in a dialogue with a goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgym.cards import Card
from textgym.core import Sample
from textgym.tasks.published.conversation import ConversationTask, transcript
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark


@benchmark("sgd", id="textgym/SGD-v0")
class SGD(ConversationTask):
    """Write what an assistant says next to somebody who wants a table, a flight or a song.

    The Schema-Guided Dialogue dataset (Rastogi et al., 2020): 16,142 / 2,482 / 4,201 dialogues about 20 domains, each
    turn of the assistant a sample.

    ## Prompt
    The last ``turns`` turns, a line each, and the mark of the assistant::

        User: I want to make a restaurant reservation for 2 people at half past 11 in the morning.
        System:

    ## Response
    The turn that followed. ``metadata["acts"]`` holds the acts that it carries out, and their slots.

    ## Reward
    chrF; tables of response generation give corpus BLEU.
    """

    download = "train, dev and test of github.com/google-research-datasets/dstc8-schema-guided-dialogue"
    files = published_files("train/dialogues_*.json dialogues_*.json", "dev/dialogues_*.json", "test/dialogues_*.json")
    columns = ("turns",)
    shown = 5
    card = Card(
        source="Towards Scalable Multi-Domain Conversational Agents: The SGD Dataset, Rastogi et al., AAAI 2020",
        licence="CC BY-SA 4.0",
        metrics=("bleu", "chrf", "meteor"),
    )

    def unfolded(self, row: Mapping[str, Any]) -> Sequence[Sample]:
        """Return a sample for each turn of the assistant."""
        said = row["turns"]
        about = [{"dialogue": row.get("dialogue_id"), "acts": _acts(turn)} for turn in said]
        return [
            Sample(transcript(window, "User", "System"), (reply,), about[i])
            for i, window, reply in self.replies([turn["utterance"] for turn in said])
            if said[i]["speaker"] == "SYSTEM"
        ]


def _acts(turn: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(action["act"], action["slot"]) for frame in turn["frames"] for action in frame["actions"]]
