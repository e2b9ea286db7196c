"""The corpora in which people judged texts, read from where their authors published them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from textgym.errors import DataError


class Translation(NamedTuple):
    """A sentence, its machine translation, and the mean of its human judgements: z-scored, and on 0 to 100."""

    source: str
    target: str
    z_mean: float
    mean: float


class Answered(NamedTuple):
    """The end of a conversation, and responses of three kinds, five each."""

    context: str
    good: tuple[str, ...]
    adversarial: tuple[str, ...]
    random: tuple[str, ...]


class Opinion(NamedTuple):
    """A sentence of a film review, and whether it is a positive one."""

    text: str
    positive: bool


def translations(root: Path, split: str) -> list[Translation]:
    """Return the English-German pairs of MLQE-PE (Fomicheva et al., 2020); the split is "train" or "dev".

    Raises:
        DataError: The archive is not under ``root`` or holds no such table.
    """
    path = _existing(root / "mlqe_pe" / f"en-de-{split}.tar.gz")
    with tarfile.open(path) as archive:
        member = next((m for m in archive if m.name.endswith(f"{split}.ende.df.short.tsv")), None)
        file = archive.extractfile(member) if member else None
        if file is None:
            raise DataError(f"{path} holds no {split}.ende.df.short.tsv.")
        lines = io.StringIO(file.read().decode("utf-8"))
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Translation(r["original"], r["translation"], float(r["z_mean"]), float(r["mean"])) for r in rows]


def conversations(root: Path, split: str) -> list[Answered]:
    """Return the contexts of DailyDialog++ (Sai et al., 2020); the split is "dev" or "test"."""
    path = _existing(root / "dailydialog_pp" / f"{split}.json")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Answered(
            " ".join(row["context"]),
            tuple(row["positive_responses"]),
            tuple(row["adversarial_negative_responses"]),
            tuple(row["random_negative_responses"]),
        )
        for row in rows
    ]


def opinions(root: Path) -> list[Opinion]:
    """Return the sentences of film reviews (Pang and Lee, 2005), positive and negative ones in turn."""
    path = _existing(root / "movie_reviews" / "sentence_polarity.zip")
    with zipfile.ZipFile(path) as archive:
        sides = [archive.read(f"sentence_polarity/rt-polarity.{side}").decode("latin-1") for side in ("pos", "neg")]
    lines = [[line.strip() for line in side.split("\n") if line.strip()] for side in sides]
    return [Opinion(text, side == 0) for pair in zip(*lines, strict=True) for side, text in enumerate(pair)]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"There is no {path}: pass the folder that holds mlqe_pe, dailydialog_pp and movie_reviews.")
    return path
