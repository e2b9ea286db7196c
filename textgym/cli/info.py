"""``textgym info``: the card of an environment or a task, and the pages of all environments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textgym.cli.facts import facts_of, subject_of
from textgym.cli.pages import write_pages
from textgym.cli.parser import Parser
from textgym.errors import ConfigError
from textgym.rendering import printable

LONGEST = 400  # characters of a text of the example that are shown
LABEL = 11


def info(argv: list[str]) -> int:
    """Run ``textgym info``."""
    parser = Parser("info", "Tell what is known about an environment or a task: samples, lengths, licence, results.")
    parser.add_argument("name", nargs="?", help="such as textgym/XSum-v0, or xsum")
    parser.add_argument("--data", help="samples instead of the task's own, as data= of an environment")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--pages", metavar="FOLDER", help="write a page of Markdown for each environment")
    arguments = parser.parse_args(argv)
    if (arguments.name is None) == (arguments.pages is None):
        raise ConfigError("Give the name of an environment or a task, or --pages FOLDER: see textgym info --help.")
    if arguments.pages is not None:
        print(f"{len(write_pages(Path(arguments.pages)))} pages in {arguments.pages}")
        return 0
    facts = facts_of(subject_of(arguments.name), arguments.data)
    print(json.dumps(facts, indent=1) if arguments.json else as_text(facts))
    return 0


def as_text(facts: Mapping[str, Any]) -> str:
    """Return a card as lines that are safe to print."""
    title = facts["environment"] or facts["task"]
    rows = [f"{name:<{LABEL}} {_escaped(text)}".rstrip() for name, text in _rows(facts)]
    described = [printable(line) for line in facts["description"].splitlines()]
    return "\n".join([printable(title), "", *described, "", *rows])


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name of each fact and what it is; a name is blank where a fact goes on."""
    yield "task", facts["task"]
    if "missing" in facts:
        yield "samples", f"not here: {facts['missing']}"
    else:
        yield "samples", ", ".join(f"{split} {size:,}" for split, size in facts["sizes"].items())
        yield "tokenizer", facts["tokenizer"]
    for name, limit in (("prompt", "max_prompt_tokens"), ("response", "max_new_tokens")):
        yield name, _length(facts.get(f"{name}_tokens"), facts[limit], "PT"[name == "response"])
    yield "reward", facts["reward"]
    if facts["optimal_return"] is not None:
        yield "returns", f"optimal {facts['optimal_return']:.4g}{_random(facts)}"
    if "source" in facts:
        yield "metrics", ", ".join(facts["metrics"])
        yield "source", facts["source"]
        yield "licence", facts["licence"]
    for i, one in enumerate(facts.get("published", ())):
        yield "" if i else "published", f"{one['system']}: {one['metric']} {one['value']:g} ({one['where']})"
    if "example" in facts:
        yield "example", facts["example"]["prompt"]
        yield from (("", f"-> {text}") for text in facts["example"]["references"])


def _random(facts: Mapping[str, Any]) -> str:
    return "" if facts["random_return"] is None else f", random {facts['random_return']:.4g}"


def _length(spread: Mapping[str, int] | None, limit: int, letter: str) -> str:
    told = (
        ""
        if spread is None
        else f"{spread['median']} tokens (median), {spread['p95']} (95 %), {spread['max']} (most); "
    )
    return f"{told}{letter} = {limit}"


def _escaped(text: str) -> str:
    return printable(text if len(text) <= LONGEST or text.startswith("not here") else f"{text[:LONGEST]} ...")
