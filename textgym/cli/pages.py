"""A page of Markdown for each environment of the library, made of the docstrings of environment and task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gymnasium.envs.registration import load_env_creator

from textgym.cards import Card
from textgym.cli.facts import Subject, subject_of
from textgym.cli.sections import sections_of
from textgym.core import Task
from textgym.errors import DataError
from textgym.making import text_ids
from textgym.registration import make_task
from textgym.rendering import printable

ESCAPED = "\\`*_{}[]<>#|~"
OF_ENV = ("Action Space", "Observation Space", "Starting State", "Episode End", "Information")
INDEX = "README.md"
NOT_SHOWN = ("Args", "Raises", "Attributes", "Returns", "Reward", "Version History", "Licence")


def write_pages(folder: Path) -> list[str]:
    """Write all pages, and a list of them, into a folder; return their names.

    Raises:
        DataError: The folder cannot be written.
    """
    pages = dict(all_pages())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{folder.absolute()} cannot be written: {error.strerror or error}.") from error
    return list(pages)


def all_pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page, and of the list of them."""
    rows = []
    for id in text_ids():
        if id.startswith("textgym/"):
            subject = subject_of(id)
            name = f"{id.partition('/')[2]}.md"
            yield name, page(subject)
            rows.append(f"- [{id}]({name}): {subject.sections.description.partition(chr(10))[0]}")
    made = "These pages are generated from docstrings: `textgym info --pages docs/environments`."
    yield INDEX, "\n".join(["# Environments", "", *rows, "", made, ""])


def page(subject: Subject) -> str:
    """Return the page of an environment, under Gymnasium's headings."""
    assert subject.spec is not None
    entry = subject.spec.entry_point
    env = sections_of(load_env_creator(entry) if isinstance(entry, str) else entry)
    task = subject.sections
    parts = [f"# {subject.spec.id}", task.description, env.description, _table(subject)]
    own = {name: text for name, text in task.named.items() if name not in NOT_SHOWN}
    parts += [f"## {name}\n\n{text}" for name, text in own.items()]
    parts += _example(subject)
    parts += [f"## {name}\n\n{env.named[name]}" for name in OF_ENV[:2] if name in env.named]
    parts.append(f"## Rewards\n\n{_joined(task.named.get('Reward', ''), env.named.get('Rewards', ''))}")
    parts += [f"## {name}\n\n{env.named[name]}" for name in OF_ENV[2:] if name in env.named]
    own_arguments = _arguments(subject.kind)
    arguments = [f"Of the task:\n\n{own_arguments}"] * bool(own_arguments) + [
        "Of the environment:",
        env.named["Arguments"],
    ]
    parts.append(f"## Arguments\n\n{_joined(*arguments)}")
    parts += _data(subject.kind)
    history = task.named.get("Version History") or env.named.get("Version History", "")
    parts.append(f"## Version History\n\n{history if history.startswith('-') else f'- {history}'}")
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _joined(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def _table(subject: Subject) -> str:
    """Return the few facts that a reader looks for first."""
    spec, options = subject.spec, subject.options
    assert spec is not None
    task = make_task(subject.task)
    P, T = (options.get(name, getattr(task, name)) for name in ("max_prompt_tokens", "max_new_tokens"))
    rows = {
        "Make it": f'`gymnasium.make("{spec.id}")`',
        "Task": f"`{task.name}`",
        "Reward": f"`{options.get('reward', task.reward)}`",
        "Lengths": f"P = {P} tokens of prompt, T = {T} of response",
        "Splits": ", ".join(task.splits),
    }
    if task.optimal_return is not None:
        rows["Returns"] = f"optimal {task.optimal_return:.4g}, of a random policy {task.random_return:.3f}"
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in rows.items())])


def _example(subject: Subject) -> list[str]:
    """Return a sample of a task that draws its samples, the same everywhere; others show one in their docstrings."""
    task = make_task(subject.task)
    if task.optimal_return is None and task.training_text_id() is None:
        return []
    sample = task.samples("train")[0]
    lines = [f"prompt      {sample.prompt}", *(f"reference   {text}" for text in sample.references)]
    return [f"## Example\n\n{fenced(lines)}"]


def fenced(lines: list[str]) -> str:
    """Return lines of data in a fence that nothing in them can close, their control characters escaped."""
    text = "\n".join(map(printable, lines))
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def escaped(text: str) -> str:
    """Return text in which no character has a meaning in Markdown."""
    return "".join(f"\\{c}" if c in ESCAPED else c for c in printable(text))


def _arguments(kind: Any) -> str:
    """Return the options of the task's constructor and of those that it passes options on to."""
    found: dict[str, str] = {}
    for base in getattr(kind, "__mro__", (kind,)):
        if base is Task:
            break
        for name, text in sections_of(base, inherited=False).arguments.items():
            found.setdefault(name, text)
    found.pop("reading", None)
    for together in [name for name in found if ", " in name]:  # where a base class tells each by itself
        if set(together.split(", ")) <= found.keys():
            del found[together]
    rows = [f"- {', '.join(f'`{one}`' for one in name.split(', '))}: {text}" for name, text in found.items()]
    return "\n".join(["Of the task:", "", *rows]) if rows else ""


def _data(kind: Any) -> list[str]:
    """Return where samples come from, and what others scored."""
    card: Card | None = getattr(kind, "card", None)
    if card is None:
        return []
    rows = [f"- Source: {escaped(card.source)}", f"- Licence: {escaped(card.licence)}"]
    rows += [f"- Metrics of tables: {', '.join(f'`{name}`' for name in card.metrics)}"] if card.metrics else []
    if getattr(kind, "repository", None):
        where = [kind.repository, kind.config, kind.revision and f"revision {kind.revision}"]
        rows.append(f"- On the hub: {escaped(', '.join(filter(None, where)))}")
    if getattr(kind, "download", ""):
        rows.append(f"- Files: {escaped(kind.download)}")
    parts = ["## Data\n\n" + "\n".join(rows)]
    if card.published:
        table = ["| system | metric | value | where |", "| --- | --- | --- | --- |"]
        table += [
            f"| {escaped(p.system)} | {escaped(p.metric)} | {p.value:g} | {escaped(p.where)} |" for p in card.published
        ]
        parts.append("## Published Results\n\n" + "\n".join(table))
    return parts
