"""Folders are complete or absent, wherever the process that writes them dies."""

import itertools
import json
import re

import pytest

from agents.checkpoints.files import replace_text
from agents.checkpoints.folders import discard, open_folder, standing, sweep, write_folder
from tests.agents.faults import dies_at, disk_changes
from textgym.errors import CheckpointError


def write(path, text):
    def files(folder):
        (folder / "part").mkdir()
        (folder / "part" / "a").write_text(text)
        (folder / "b").write_text(text)

    write_folder(path, "test", files)


def content(path):
    """Return what a complete folder holds, None when there is none; fail when it is neither."""
    if standing(path) is None:
        return None
    folder, _ = open_folder(path)
    texts = {(folder / "part" / "a").read_text(), (folder / "b").read_text()}
    assert len(texts) == 1
    return texts.pop()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("before", ["nothing", "a folder", "a folder whose replacement died between its renames"])
def test_a_death_at_any_write_fsync_or_rename_leaves_the_old_or_the_new(tmp_path, monkeypatch, before):
    def prepared(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        if before != "nothing":
            write(folder / "c", "old")
        if "died" in before:
            (folder / "c").rename(folder / ".old-c")
        return folder / "c"

    found = []
    for number in itertools.count(1):
        path = prepared(number)
        died = dies_at(number, lambda path=path: write(path, "new"), monkeypatch)
        found.append(content(path))
        write(path, "later")
        assert content(path) == "later"
        assert names(path.parent) == ["c"]
        if not died:
            break
    assert len(found) > 12
    old = None if before == "nothing" else "old"
    assert found[0] == old
    assert found[-1] == "new"
    assert found == sorted(found, key=lambda text: text == "new"), "once the new one stands, it stays"
    assert set(found) == {old, "new"}


def test_a_death_while_a_folder_is_removed_leaves_all_of_it_or_nothing(tmp_path, monkeypatch):
    for number in itertools.count(1):
        write(tmp_path / "c", "old")
        died = dies_at(number, lambda: discard(tmp_path / "c"), monkeypatch)
        assert content(tmp_path / "c") in ("old", None)
        sweep(tmp_path)
        assert names(tmp_path) in ([], ["c"])
        if not died:
            break
    assert number > 4
    assert names(tmp_path) == []


def test_a_death_while_a_file_is_replaced_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    for number in itertools.count(1):
        (tmp_path / "a").write_text("old")
        died = dies_at(number, lambda: replace_text(tmp_path / "a", "new"), monkeypatch)
        assert (tmp_path / "a").read_text() in ("old", "new")
        sweep(tmp_path)
        assert names(tmp_path) == ["a"]
        if not died:
            break
    assert number > 4
    assert (tmp_path / "a").read_text() == "new"


def test_all_is_on_the_disk_before_the_name_is_and_the_name_before_the_old_one_goes(tmp_path, monkeypatch):
    write(tmp_path / "c", "old")
    with disk_changes(monkeypatch) as events:
        write(tmp_path / "c", "new")
    changes = [(event, re.sub(r"tmp-c-\w{8}", "tmp-c", " ".join(paths))) for event, *paths in events]
    here = str(tmp_path)
    renames = [i for i, (event, _) in enumerate(changes) if event == "os.rename"]
    away, named, nameless = renames
    assert changes[away] == ("os.rename", f"{here}/c {here}/.old-c")
    assert changes[named] == ("os.rename", f"{here}/.tmp-c {here}/c")
    flushed = {path for event, path in changes[:away] if event == "fsync"}
    assert flushed == {f"{here}/.tmp-c{part}" for part in ("", "/part", "/part/a", "/b", "/manifest.json")}
    assert changes[away + 1] == changes[named + 1] == ("fsync", here)
    assert changes[nameless][1].startswith(f"{here}/.old-c ")


def test_new_folders_above_are_on_the_disk_too(tmp_path, monkeypatch):
    with disk_changes(monkeypatch) as events:
        write(tmp_path / "one" / "two" / "c", "new")
    flushed = {path for event, path, *_ in events if event == "fsync"}
    assert {str(tmp_path), str(tmp_path / "one"), str(tmp_path / "one" / "two")} <= flushed


def test_the_rest_of_another_checkpoint_is_not_swept_away(tmp_path):
    (tmp_path / ".tmp-c-continued-01234567").mkdir()  # somebody may be filling it
    (tmp_path / ".tmp-c-01234567").mkdir()
    write(tmp_path / "c", "new")
    assert names(tmp_path) == [".tmp-c-continued-01234567", "c"]


def test_reading_changes_nothing(tmp_path):
    write(tmp_path / "c", "old")
    (tmp_path / "c").rename(tmp_path / ".old-c")  # another process is between the two renames of a replacement
    assert content(tmp_path / "c") == "old"
    assert names(tmp_path) == [".old-c"]


def test_any_changed_bit_of_a_checkpoint_is_noticed(tmp_path):
    write(tmp_path / "c", "old")
    manifest = tmp_path / "c" / "manifest.json"
    data = manifest.read_bytes()
    kept = set()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        manifest.write_bytes(changed)
        try:
            open_folder(tmp_path / "c")
        except CheckpointError:
            continue
        kept.add(json.dumps({k: v for k, v in json.loads(changed.decode()).items() if k in ("files", "format")}))
    assert len(kept) == 1  # what does not count: white space, versions, the kind, which loading compares
    manifest.write_bytes(data)
    for file in ("part/a", "b"):
        text = (tmp_path / "c" / file).read_bytes()
        for damaged in (b"olf", b"ol", b"", b"old!"):
            (tmp_path / "c" / file).write_bytes(damaged)
            with pytest.raises(CheckpointError, match=rf"{file} has changed since it was written: expected \w{{64}}"):
                open_folder(tmp_path / "c")
        (tmp_path / "c" / file).write_bytes(text)
    assert content(tmp_path / "c") == "old"


@pytest.mark.parametrize("text", ["[]", "{}", '"x"', '{"format": 2}', '{"format": 2, "kind": 1, "files": []}', "\xff{"])
def test_manifests_that_say_something_else_are_refused(tmp_path, text):
    write(tmp_path / "c", "old")
    (tmp_path / "c" / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError):
        open_folder(tmp_path / "c")
