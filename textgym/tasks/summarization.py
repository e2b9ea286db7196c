"""Summarization: one sentence about one aspect of a paper, or the first line of a docstring."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from zlib import crc32

from textgym.cards import Card
from textgym.core import Sample, Task
from textgym.errors import ConfigError, MissingExtraError, did_you_mean
from textgym.registration import register_env, register_task

FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}
LONGEST = 220  # words of a paper that are shown


@register_task("summarization")
class Summarization(Task):
    """Summarize a text in one sentence.

    ## Sources
    - ``"aclsum"``: ACLSum (Takeshita et al., NAACL 2024; package ``aclsum``, MIT licence, Python 3.11 or newer): three
      expert summaries of each of 250 papers on language technology, of the challenge, the approach and the outcome;
      300 / 150 / 300 samples in the data's own splits, no paper in two of them.
    - ``"docstrings"``: the body of a docstring of Python's standard library to its first line. Always there; about
      2,200 pairs, which differ between Python versions, split 80/10/10 by the CRC-32 of the prompt (PSF licence).

    ## Prompt
    The first sentences of abstract and introduction, 220 words at most, then the aspect, where cutting an overlong
    prompt on the left cannot reach it::

        In this paper, we explore correlation of dependency relation paths to rank candidate answers ...
        Summary of the challenge:

    ## Response
    One sentence; for papers of 9 to 25 words, 35 tokens of the default tokenizer (median) and 57 at most.

    ## Reward
    ROUGE-L.

    Args:
        source: ``"aclsum"`` or ``"docstrings"``.

    Raises:
        ConfigError: The source is unknown.
        MissingExtraError: ``aclsum`` is not installed (told when samples are asked for).
    """

    reward = "rougeL"
    max_prompt_tokens = 384
    max_new_tokens = 64
    overlong = "truncate"  # the prompt loses its first words, never the aspect
    sources: ClassVar[tuple[str, ...]] = ("aclsum", "docstrings")
    card = Card(
        source="ACLSum: A New Dataset for Aspect-based Summarization of Scientific Publications, Takeshita et al., "
        "NAACL 2024 (package aclsum); docstrings of Python's standard library",
        licence="MIT (ACLSum); PSF licence (docstrings)",
        metrics=("rouge1", "rouge2", "rougeL"),
    )

    def __init__(self, source: str = "aclsum") -> None:
        if source not in self.sources:
            known = did_you_mean(str(source), self.sources)
            raise ConfigError(f"The task 'summarization' has no source {source!r}. {known}")
        self.source = source

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split, in an order that is always the same."""
        if split not in FILES:
            raise ConfigError(f"The task 'summarization' has no split {split!r}. {did_you_mean(split, FILES)}")
        return _papers(split) if self.source == "aclsum" else _docstrings()[split]


@cache
def _papers(split: str) -> tuple[Sample, ...]:
    package = find_spec("aclsum")
    if package is None or package.origin is None:
        here = ".".join(map(str, sys.version_info[:2]))
        raise MissingExtraError(
            "aclsum",
            "data",
            f"The task 'summarization' (from Python 3.11 on, this is {here}; source='docstrings' works everywhere)",
        )
    # read here because the package's own loader imports another one
    text = Path(package.origin).with_name("dataset").joinpath(FILES[split]).read_text(encoding="utf-8")
    papers = [json.loads(line) for line in text.splitlines()]
    return tuple(
        Sample(f"{_shown(paper)}\nSummary of the {aspect}:", (summary,), {"paper": paper["id"], "aspect": aspect})
        for paper in papers
        for aspect, summary in paper["summary"].items()
    )


def _shown(paper: dict[str, Any]) -> str:
    """Return the first sentences of abstract and introduction; the challenge is often named in the latter only."""
    shown: list[str] = []
    for sentence in (*paper["sentences"]["abstract"], *paper["sentences"]["introduction"]):
        words = sentence.split()
        if len(shown) + len(words) > LONGEST:
            break
        shown += words if len(words) > 2 else []  # marks of footnotes
    return re.sub(r" ([.,;:?!)\]%])|([(\[]) ", r"\1\2", " ".join(shown))


@cache
def _docstrings() -> dict[str, tuple[Sample, ...]]:
    from textgym.data.docstrings import docstring_pairs

    splits: dict[str, list[Sample]] = {split: [] for split in FILES}
    for body, first_line in docstring_pairs():
        prompt = f"{body}\nSummary:"
        bucket = crc32(prompt.encode("utf-8", "surrogatepass")) % 10
        splits["test" if bucket == 9 else "validation" if bucket == 8 else "train"].append(
            Sample(prompt, (first_line,))
        )
    return {split: tuple(samples) for split, samples in splits.items()}


register_env("textgym/Summarization-v0", task="summarization")
