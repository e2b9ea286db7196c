"""Docstrings in their parts: the description, sections under headings, and the arguments, as Markdown."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

# marked as in Markdown, or the lists of Google style, or a line that begins with its name
HEADING = re.compile(
    r"## (?P<marked>.+)|(?P<list>Args|Raises|Attributes|Returns):|(?P<line>Licence|Version history): .+"
)
ROLE = re.compile(r":\w+:`(?:~[\w.]+\.)?([\w.]+)`")  # a name behind ~ is told without where it is defined
ITEM = re.compile(r"(\w+(?:, \w+)*): (.*)")


@dataclass
class Sections:
    """The parts of a docstring.

    Attributes:
        description: What stands before the first heading.
        named: The text under each heading, in order; "Args" and the like are headings too.
    """

    description: str
    named: dict[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, str]:
        """What each argument means."""
        return items(self.named.get("Args", ""))


def sections_of(thing: object, inherited: bool = True) -> Sections:
    """Return the parts of an object's docstring.

    Args:
        thing: A class or a function.
        inherited: Whether the docstring of a base class will do.
    """
    text = inspect.getdoc(thing) if inherited else inspect.cleandoc(getattr(thing, "__doc__", None) or "")
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in (text or "").splitlines():
        heading = HEADING.fullmatch(line)
        if heading is None:
            parts[current].append(line)
        elif heading["line"]:
            name, _, rest = line.partition(": ")
            parts.setdefault(name.title(), []).append(rest)
        else:
            current = heading["marked"] or heading["list"]
            parts.setdefault(current, [])
    named = {name: markdown(inspect.cleandoc("\n".join(["", *lines]))) for name, lines in parts.items()}
    return Sections(named.pop("").strip(), {name: text.strip() for name, text in named.items()})


def items(text: str) -> dict[str, str]:
    """Return the items of a list in Google style, each in one line."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        item = ITEM.fullmatch(line)
        if item is not None:
            name = item[1]
            found[name] = item[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def markdown(text: str) -> str:
    """Return a docstring's text with its few marks of reStructuredText as those of Markdown."""
    return re.sub(r"::$", ":", ROLE.sub(r"`\1`", text).replace("``", "`"), flags=re.MULTILINE)
