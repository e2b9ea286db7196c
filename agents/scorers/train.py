"""Train a scorer and write its folder: scorer.json, head.safetensors and, where it learned too, the encoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from agents.checkpoints.files import write_json
from agents.checkpoints.folders import refuse_foreign, write_folder
from agents.scorers.config import ScorerConfig
from agents.scorers.examples import Examples, read_examples
from agents.scorers.fine_tuning import fine_tune
from agents.scorers.heads import Features, centred, fit_head
from agents.scorers.measures import Found, measured
from textgym.core import FloatArray
from textgym.errors import ConfigError
from textgym.rewards.neural.encoder import Encoder
from textgym.rewards.neural.head import FORMAT, Head, features
from textgym.rewards.neural.source import fingerprint
from textgym.rewards.signature import package_version


@dataclass(frozen=True)
class TrainedFolder:
    """What was written.

    Attributes:
        folder: Where; ``{"name": "scorer", "model": folder}`` is the reward.
        held_out: Each measure on the test split with its interval, and what a constant gets.
        sizes: Examples of each split.
        epoch: Which epoch of an encoder that learned too was kept, 0 the beginning; None where it did not learn.
    """

    folder: Path
    held_out: Found
    sizes: dict[str, int]
    epoch: int | None = None


def train_scorer(config: ScorerConfig) -> TrainedFolder:
    """Train a scorer as ``config`` says, evaluate it on held-out examples and write its folder.

    On the CPU the same configuration gives the same bytes.

    Raises:
        DataError: The data lacks a column or has a bad row.
        ModelError: The encoder cannot be loaded.
        ConfigError: ``reads`` and ``other`` contradict the target.
        CheckpointError: Something else stands where the folder is to be written.
    """
    if config.target == "pairwise" and config.reads == "references":
        raise ConfigError("Pairwise data compare two responses: reads is 'response' or 'prompt', got 'references'.")
    out = Path(config.out).expanduser()
    refuse_foreign(out)  # before hours of learning
    splits, labels = read_examples(config)
    encoder = Encoder(config.encoder, config.device)  # a copy of its own, because it may learn
    if config.fine_tune and encoder.is_part:
        raise ConfigError(
            f"The encoder of {config.encoder!r}, a model that writes too, can be read and cannot learn: take an "
            "encoder, such as BERT, or leave --fine_tune out."
        )
    outputs = max(1, len(labels))
    known = {name: _features(encoder, splits[name], config) for name in ("train", "validation")}
    head = fit_head(known["train"], known["validation"], outputs, config)
    found: dict[str, Any] = {}
    if config.fine_tune:
        head, found["epoch"] = fine_tune(encoder, head, splits["train"], splits["validation"], config)
        if config.target == "pairwise":
            head = centred(head, _features(encoder, splits["train"], config).chosen_and_rejected())
    head = Head.of_arrays(head.arrays())  # as it will be read
    test = _numbers(encoder, head, splits["test"], config)
    if config.target == "regression":  # as the reward does
        test = np.clip(test, splits["train"].targets.min(), splits["train"].targets.max())
    held_out = measured(
        config.target, test, splits["test"].targets, splits["train"].targets, config.seed, splits["test"].subjects
    )
    sizes = {name: len(split) for name, split in splits.items()}
    told = _told(config, splits["train"], labels, {"held_out": held_out, "examples": sizes, **found})
    write_folder(out, "scorer", lambda folder: _write(folder, told, head, encoder, config.fine_tune))
    return TrainedFolder(out, held_out, sizes, found.get("epoch"))


def _features(encoder: Encoder, split: Examples, config: ScorerConfig) -> Features:
    def of(responses: list[str]) -> FloatArray:
        return features(encoder, responses, split.others, config.pooling).astype(np.float64)

    return Features(of(split.responses), None if split.rejected is None else of(split.rejected), split.targets)


def _numbers(encoder: Encoder, head: Head, split: Examples, config: ScorerConfig) -> FloatArray:
    known = _features(encoder, split, config)
    return head(known.chosen) if known.rejected is None else head(known.chosen) - head(known.rejected)


def _told(config: ScorerConfig, train: Examples, labels: list[str], found: dict[str, Any]) -> dict[str, Any]:
    versions = {name: package_version(name) for name in ("textgym", "torch", "transformers", "numpy")}
    reach = [float(train.targets.min()), float(train.targets.max())] if config.target == "regression" else [0.0, 1.0]
    settings = {key: value for key, value in config.to_dict().items() if key not in ("out", "device")}
    data = hashlib.sha256(
        repr((train.responses, train.others, train.rejected, train.targets.tolist())).encode(
            "utf-8", "backslashreplace"
        )
    )
    return {
        "format": FORMAT,
        "target": config.target,
        "reads": config.reads,
        "labels": labels,
        "range": reach,
        "pooling": config.pooling,
        "encoder": {"model": _lasting(config.encoder), "fingerprint": fingerprint(config.encoder)},
        "training_data": data.hexdigest(),
        "settings": settings,
        "versions": versions,
        **found,
    }


def _lasting(model: str) -> str:
    """Return a name under which an encoder is found from every working directory."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def _write(folder: Path, told: dict[str, Any], head: Head, encoder: Encoder, with_encoder: bool) -> None:
    if with_encoder:
        encoder.model.save_pretrained(folder / "encoder")
        encoder.tokenizer.save_pretrained(folder / "encoder")
        told = told | {
            "encoder": {"model": told["encoder"]["model"], "fingerprint": fingerprint(str(folder / "encoder"))}
        }
    save_file(head.arrays(), folder / "head.safetensors")
    write_json(folder / "scorer.json", told)
