"""Docstrings of the standard library, each with its first line apart: text to summarize that is always there."""

from __future__ import annotations

import ast
import os
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from pathlib import Path

from textgym.errors import DataError

FIRST_LINE = (3, 30)  # words, at least and at most
BODY = (8, 200)
NOT_LIBRARY = {"site-packages", "dist-packages", "test", "tests", "idle_test", "idlelib", "lib2to3", "turtledemo"}


@cache
def docstring_pairs() -> tuple[tuple[str, str], ...]:
    """Return the body and the first line of the standard library's docstrings, each body once, sorted by body.

    The library of the running Python is read as source; nothing is imported.

    Raises:
        DataError: The library has no source files, as in some embedded Pythons.
    """
    root = Path(sysconfig.get_path("stdlib"))
    pairs: dict[str, str] = {}
    for path in _sources(root):
        for text in _docstrings(path):
            first, _, body = text.partition("\n\n")
            body = " ".join(body.split())
            if "\n" not in first and _fits(first, FIRST_LINE) and _fits(body, BODY):
                pairs.setdefault(body, first.strip())
    if not pairs:
        raise DataError(f"The standard library in {root} has no docstrings to read: use a Python that has its sources.")
    return tuple(sorted(pairs.items()))


def _fits(text: str, words: tuple[int, int]) -> bool:
    return words[0] <= len(text.split()) <= words[1]


def _sources(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in NOT_LIBRARY)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def _docstrings(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in the library are not the user's concern
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # templates and test data
        return
    yield from _documented(tree)


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    text = ast.get_docstring(node, clean=False)
    if text:
        yield cleandoc(text)
    for child in node.body:
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _documented(child)
