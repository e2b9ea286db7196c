"""Folders that are complete or absent at every moment, and whose files are known by their hashes.

``manifest.json``, written last, lists every file with its SHA-256. A folder is filled under a temporary name, flushed
to the disk and renamed; one that is replaced stands under the name ``.old-<name>`` between the two renames that takes.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from agents.checkpoints.files import flush, make_folder, read_json, sha256_of, write_json
from textgym.errors import CheckpointError

FORMAT = 2  # 1 had no state of learning: it opens, and learning goes on from new episodes
OLD = ".old-"
TEMPORARY = re.compile(r"\.tmp-(.+)-[0-9a-f]{8}")


def write_folder(path: Path, kind: str, write: Callable[[Path], None]) -> None:
    """Write a folder so that it is complete or absent at every moment, even if the power fails.

    ``write`` fills a temporary folder beside ``path``; its files are hashed, flushed to disk and listed in
    ``manifest.json``, and the folder is renamed. A checkpoint that stood there before is kept until the new one stands.

    Raises:
        CheckpointError: Something that is no checkpoint stands there, or the disk takes no more.
    """
    temporary = _temporary(path)
    try:
        refuse_foreign(path)
        make_folder(path.parent)
        sweep(path.parent, path.name)
        temporary.mkdir()
        write(temporary)
        _seal(temporary, kind)
        _put(temporary, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} could not be written: {error}. What stood there before is kept.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def standing(path: Path) -> Path | None:
    """Return the folder that holds what was last written to ``path``; None when there is nothing."""
    previous = _previous(path)  # it stands alone when the process ended between the two renames of a replacement
    return next((folder for folder in (path, previous) if folder.is_dir()), None)


def open_folder(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return a checkpoint folder whose files are all as they were written, and its manifest.

    Raises:
        CheckpointError: If it is no checkpoint, of a newer format, or a file is missing or changed.
    """
    folder = standing(path) or path
    if not (folder / "manifest.json").is_file():
        raise CheckpointError(f"{path} is not a checkpoint: it has no manifest.json.")
    manifest = _checked_manifest(folder)
    for name, expected in manifest["files"].items():
        found = sha256_of(folder / name) if (folder / name).is_file() else "no file"
        if found != expected:
            raise CheckpointError(
                f"{folder / name} has changed since it was written: expected {expected}, found {found}."
            )
    return folder, manifest


def discard(path: Path) -> None:
    """Remove a folder that may have a name to be found by: the name first, so that no part of it is ever found."""
    if path.is_dir():
        nameless = _temporary(path)
        path.rename(nameless)
        shutil.rmtree(nameless, ignore_errors=True)


def sweep(parent: Path, name: str | None = None) -> None:
    """Remove what processes that were killed have left in ``parent``, under one name or under all."""
    for path in parent.glob(".tmp-*"):
        match = TEMPORARY.fullmatch(path.name)
        if match and name in (None, match[1]):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _checked_manifest(folder: Path) -> dict[str, Any]:
    manifest = read_json(folder / "manifest.json")
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise CheckpointError(f"{folder} is not a checkpoint: those of a run stand in its folder 'checkpoints'.")
    if manifest["format"] not in range(1, FORMAT + 1):
        raise CheckpointError(
            f"{folder} has format {manifest['format']}, newer than {FORMAT}, the last that is known: update textgym."
        )
    if not isinstance(manifest.get("kind"), str) or not isinstance(manifest.get("files"), dict):
        raise CheckpointError(f"{folder / 'manifest.json'} has changed since it was written: it lacks a part.")
    return manifest


def refuse_foreign(path: Path) -> None:
    """Raise CheckpointError where writing a checkpoint would delete something else."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not ((path / "manifest.json").is_file() and "format" in read_json(path / "manifest.json")):
        raise CheckpointError(f"{path} exists and is no checkpoint, so that it is not replaced: choose another name.")


def _seal(folder: Path, kind: str) -> None:
    """List the files of a folder in its manifest and put all of it on the disk."""
    files = {str(p.relative_to(folder)): sha256_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    versions = {name: version(name) for name in ("torch", "transformers", "stable-baselines3")}
    write_json(folder / "manifest.json", {"format": FORMAT, "kind": kind, "versions": versions, "files": files})
    for path in (*folder.rglob("*"), folder):
        flush(path)


def _put(temporary: Path, path: Path) -> None:
    """Give a complete folder its name; what has that name is moved away first, and removed at the end."""
    previous = _previous(path)
    if path.exists():
        discard(previous)  # only now: where nothing else stands, it is all there is until the new one has its name
        path.rename(previous)
        flush(path.parent)
    temporary.rename(path)
    flush(path.parent)
    discard(previous)


def _previous(path: Path) -> Path:
    return path.with_name(f"{OLD}{path.name}")


def _temporary(path: Path) -> Path:
    return path.with_name(f".tmp-{path.name.removeprefix(OLD)}-{uuid.uuid4().hex[:8]}")
