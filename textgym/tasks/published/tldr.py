"""TL;DR: posts and the summaries that their authors wrote, as filtered for learning from human feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textgym.cards import Card, results
from textgym.core import Sample
from textgym.data.shapes import text_of
from textgym.tasks.published.registering import benchmark
from textgym.tasks.published.task import PublishedTask

TRLX = "trlX, examples/summarize_rlhf/README.md (GPT-J 6B)"


@benchmark("tldr", id="textgym/TLDR-v0")
class TLDR(PublishedTask):
    """Summarize a post of Reddit in a sentence or two.

    Webis-TLDR-17 (Völske et al., 2017) as Stiennon et al. (2020) filtered it: 116,722 / 6,447 / 6,553 posts.

    ## Prompt
    The form of Stiennon et al. (2020, appendix B; github.com/openai/summarize-from-feedback)::

        SUBREDDIT: r/relationships (blank line) TITLE: ... (blank line) POST: ... (blank line) TL;DR:

    ## Response
    24 to 48 tokens of GPT-2.

    ## Reward
    ROUGE-L. The published reward is a model of people's choices, ``reward="reward_model(model=...)"``; it lowers ROUGE.
    """

    repository = "vwxyzjn/summarize_from_feedback_tldr_3_filtered"
    download = "train.jsonl, valid.jsonl and test.jsonl of github.com/openai/summarize-from-feedback, tldr_3_filtered"
    columns = ("subreddit", "title", "post", "summary")
    reward = "rougeL"
    max_prompt_tokens = 512
    max_new_tokens = 64
    card = Card(
        source="Learning to summarize from human feedback, Stiennon et al., 2020; Webis-TLDR-17, Völske et al., 2017",
        licence="CC BY 4.0 (Webis-TLDR-17)",
        metrics=("rouge1", "rouge2", "rougeL"),
        published=(
            *results("SFT", TRLX, "ROUGE-1 ROUGE-2 ROUGE-L", 0.334, 0.125, 0.261),
            *results("PPO", TRLX, "ROUGE-1 ROUGE-2 ROUGE-L", 0.323, 0.109, 0.238),
        ),
    )

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """Return a post and its author's summary."""
        prompt = f"SUBREDDIT: r/{row['subreddit']}\n\nTITLE: {row['title']}\n\nPOST: {text_of(row, 'post')}\n\nTL;DR:"
        return Sample(prompt, (text_of(row, "summary").strip(),), {"id": row.get("id")})
