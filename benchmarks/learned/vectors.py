"""Vectors of texts, kept in files, so that a corpus is encoded once however often a table is made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

CHUNK = 1_000  # texts in a file


class VectorFiles:
    """An encoder whose vectors of any thousand texts are kept in a file.

    Args:
        model: The encoder, as rewards name it.
        folder: Where the files are.
    """

    def __init__(self, model: str, folder: Path) -> None:
        from textgym.rewards.neural.source import fingerprint

        self.model, self.folder = model, folder
        self.fingerprint = fingerprint(model)
        folder.mkdir(parents=True, exist_ok=True)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one vector of length 1 for each text, float32 [N, width]."""
        parts = [self._chunk(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
        return np.concatenate(parts)

    def _chunk(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        digest = hashlib.sha256("\0".join([self.fingerprint, *texts]).encode())
        path = self.folder / f"{digest.hexdigest()[:24]}.npy"
        if path.is_file():
            kept: npt.NDArray[np.float32] = np.load(path, allow_pickle=False)
            return kept
        from textgym.rewards.neural.encoder import Encoder
        from textgym.rewards.neural.network import load

        vectors: npt.NDArray[np.float32] = load(Encoder, self.model, "cpu").embed(texts)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.save(file, vectors, allow_pickle=False)
        unfinished.replace(path)
        return vectors
