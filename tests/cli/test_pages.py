"""The pages of environments: as committed, under Gymnasium's headings, with nothing from data that Markdown reads."""

import re

import gymnasium as gym
import pytest

from tests.conftest import ROOT
from textgym import cli
from textgym.cli.facts import subject_of
from textgym.cli.pages import all_pages, escaped, fenced
from textgym.cli.sections import items, sections_of
from textgym.registration import option_names

FOLDER = ROOT / "docs" / "environments"
HEADINGS = (
    "Action Space", "Observation Space", "Rewards", "Starting State", "Episode End", "Information", "Arguments",
    "Version History",
)  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    return dict(all_pages())


def test_the_committed_pages_are_what_the_docstrings_say(pages):
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    remedy = "run textgym info --pages docs/environments"
    assert sorted(committed) == sorted(pages), remedy
    for name, text in pages.items():
        assert committed[name] == text, f"{name}: {remedy}"


def test_every_environment_has_a_page_with_the_headings_in_order(pages):
    ids = [id for id in gym.registry if id.startswith("textgym/")]
    assert sorted(pages) == sorted([*(f"{id.partition('/')[2]}.md" for id in ids), "README.md"])
    for id in ids:
        text = pages[f"{id.partition('/')[2]}.md"]
        found = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert [name for name in found if name in HEADINGS] == list(HEADINGS), id
        assert text.startswith(f"# {id}\n")
        assert "/root" not in text
        assert "::\n" not in text
        assert f"[{id}](" in pages["README.md"]


def test_every_option_of_a_task_is_explained(pages):
    for id in (id for id in gym.registry if id.startswith("textgym/")):
        text = pages[f"{id.partition('/')[2]}.md"]
        for name in option_names(subject_of(id).kind):
            assert f"`{name}`" in text, f"{id} {name}"


def test_pages_are_written_by_the_command(tmp_path, capsys, pages, monkeypatch):
    monkeypatch.setattr("textgym.cli.pages.all_pages", pages.items)
    assert cli.main(["info", "--pages", str(tmp_path / "new")]) == 0
    assert f"{len(pages)} pages" in capsys.readouterr().out
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()} == pages
    (tmp_path / "file").write_text("")
    assert cli.main(["info", "--pages", str(tmp_path / "file")]) == 2
    assert "file cannot be written" in capsys.readouterr().err


def test_data_cannot_close_its_fence_nor_mean_anything():
    text = fenced(["a ``` b", "````", "<script>\x1b[31m", "# no heading"])
    fence, *middle, last = text.split("\n")
    assert fence.removesuffix("text") == last == "`````"
    assert not any(last in line for line in middle)
    assert "\x1b" not in text
    assert escaped("a_b *c* <i> [x](y) | `z`\n# h") == "a\\_b \\*c\\* \\<i\\> \\[x\\](y) \\| \\`z\\`\\\\n\\# h"


class Told:
    """What it is.

    More of it, see :class:`~a.b.C` and :mod:`a.b`::

        an example

    ## Prompt
    A line with ``code``.

    Args:
        one: The first
            of them.
        two, three: Others: with a colon.

    Licence: free.

    Version history: v0, initial version.
    """


def test_docstrings_come_apart_at_their_headings():
    told = sections_of(Told)
    assert told.description == "What it is.\n\nMore of it, see `C` and `a.b`:\n\n    an example"
    assert told.named["Prompt"] == "A line with `code`."
    assert told.arguments == {"one": "The first of them.", "two, three": "Others: with a colon."}
    assert told.named["Licence"] == "free."
    assert told.named["Version History"] == "v0, initial version."
    assert items("") == {}
    assert sections_of(type("Bare", (Told,), {}), inherited=False).description == ""
