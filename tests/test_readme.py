"""Every Python block of the README runs, offline, in a folder of its own; and its file map is true."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[number], f"README.md, block {number}", "exec"), {"__name__": f"readme_{number}"})


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_block_is_short(number: int) -> None:
    lines = [line for line in BLOCKS[number].splitlines() if line.strip()]
    assert len(lines) <= 12


def test_the_file_map_names_what_is_there() -> None:
    section = README.split("## Where things are")[1].split("\n## ")[0]
    named = set(re.findall(r"`([\w./]+/[\w./]*)`", section))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("package", ["textgym", "agents"])
def test_the_file_map_names_every_package(package: str) -> None:
    section = README.split("## Where things are")[1].split("\n## ")[0]
    folders = sorted(path.parent for path in (ROOT / package).glob("*/__init__.py"))
    assert folders
    assert [path.name for path in folders if f"`{package}/{path.name}/`" not in section] == []


def test_every_path_in_the_advice_for_contributors_exists() -> None:
    section = README.split("## Develop")[1]
    named = set(re.findall(r"`((?:textgym|agents|tests|benchmarks)/[\w./]*)`", section))
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
