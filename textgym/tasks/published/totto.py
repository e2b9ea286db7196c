"""ToTTo: a sentence for the marked cells of a table; one of the tasks of GRUE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.hub import CONVERTED
from textgym.tasks.published.files import published_files
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.tables import marked_cells
from textgym.tasks.published.task import PublishedTask

BOARD = "leaderboard of github.com/google-research-datasets/ToTTo (hidden test set)"


@benchmark("totto", id="textgym/ToTTo-v0")
class ToTTo(PublishedTask):
    """Say what the marked cells of a table of Wikipedia tell, in one sentence.

    120,761 / 7,700 tables (Parikh et al., 2020), in validation with up to three references. The test's are hidden.

    ## Prompt
    Titles and marked cells with their headers, the "subtable with metadata" of the paper's baseline and of GRUE::

        <page_title> A </page_title> <table> <cell> 1 <col_header> B </col_header> </cell> </table>

    ## Response
    One sentence.

    ## Reward
    BLEU; GRUE trains on METEOR and PARENT. Tables give BLEU and PARENT (not here).
    """

    repository = "google-research-datasets/totto"
    revision = CONVERTED
    download = "totto_data.zip of github.com/google-research-datasets/ToTTo, unpacked"
    files = published_files("totto_train_data.jsonl", "totto_dev_data.jsonl")
    columns = ("table", "highlighted_cells", "sentence_annotations")
    splits = ("train", "validation")
    max_prompt_tokens = 512
    max_new_tokens = 64
    card = Card(
        source="ToTTo: A Controlled Table-To-Text Generation Dataset, Parikh et al., EMNLP 2020",
        licence="CC BY-SA 3.0",
        metrics=("bleu", "meteor", "rougeL"),
        published=(
            *results("T5-3B", BOARD, "BLEU PARENT", 49.5, 58.4),
            *results("T5-base, SFT and NLPO", BOARD, "BLEU PARENT", 47.4, 59.6),
        ),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return the marked cells and the sentences about them; the hub has columns in place of objects."""
        notes, titles = row["sentence_annotations"], [row.get(f"table_{name}_title") for name in ("page", "section")]
        finals = notes["final_sentence"] if isinstance(notes, Mapping) else [note["final_sentence"] for note in notes]
        return Sample(marked_cells(row["table"], row["highlighted_cells"], *titles), tuple(finals))
