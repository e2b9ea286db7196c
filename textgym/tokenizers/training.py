"""Learning byte pairs from text, and the cache that makes it a matter of milliseconds the second time."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from textgym.errors import ConfigError
from textgym.tokenizers.base import well_formed
from textgym.tokenizers.bpe import BPETokenizer

MAX_CHARACTERS = 50_000_000  # more text does not change 2,000 pairs, and it would have to be held in memory
SMALLEST = 258  # all bytes, <eos> and <sep>


def train_bpe(texts: Iterable[str], vocab_size: int = 2000, *, text_id: str | None = None) -> BPETokenizer:
    """Learn byte pairs from texts: the same pairs in every process, from the cache where they were learned before.

    The cache is keyed by the texts, the size and the version of the ``tokenizers`` library; its folder is
    ``$TEXTGYM_CACHE``, else ``$XDG_CACHE_HOME/textgym``, else ``~/.cache/textgym``, and need not be writable.

    Args:
        texts: What to learn from; the first 50,000,000 characters count.
        vocab_size: The most ids, ``<eos>`` and ``<sep>`` included; small texts give fewer.
        text_id: Stands for the texts in the cache's key, so that they are read only where they must be learned from.
            Different texts must have different ids.

    Raises:
        ConfigError: ``vocab_size`` is below 258, or there is no text.
    """
    if vocab_size < SMALLEST:
        raise ConfigError(f"vocab_size must be at least {SMALLEST} (256 bytes, <eos>, <sep>), got {vocab_size}.")
    kept = _head(texts) if text_id is None else []
    key = _key(vocab_size, kept) if text_id is None else _key(vocab_size, [text_id], kind="id")
    path = cache_folder() / f"bpe-{key}.json"
    tokenizer = _read(path)
    if tokenizer is None:
        kept = kept or _head(texts)
        if not any(kept):
            raise ConfigError("train_bpe needs at least one text that is not empty, got none: give it training texts.")
        tokenizer = learn(kept, vocab_size)
        _write(path, tokenizer)
    return tokenizer


def cache_folder() -> Path:
    """Return the folder for what can be computed again; it may not exist."""
    if folder := os.environ.get("TEXTGYM_CACHE"):
        return Path(folder)
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(home)) / "textgym"


def _head(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    characters = 0
    for text in texts:
        kept.append(well_formed(text))
        characters += len(text)
        if characters >= MAX_CHARACTERS:
            break
    return kept


def _key(vocab_size: int, texts: list[str], kind: str = "") -> str:
    from tokenizers import __version__

    content = hashlib.sha256(f"{kind}{vocab_size}|{__version__}|{len(texts)}".encode())
    for text in texts:
        data = text.encode()
        content.update(b"%d:" % len(data))  # so that ["ab", "c"] and ["a", "bc"] differ
        content.update(data)
    return content.hexdigest()[:32]


def learn(texts: list[str], vocab_size: int) -> BPETokenizer:
    """Learn byte pairs without a look at the cache; the texts must be well formed."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 2,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    return BPETokenizer.from_model(model)


def _read(path: Path) -> BPETokenizer | None:
    """Return the cached tokenizer; None when there is none, or its content is not what was written."""
    try:
        values = json.loads(path.read_bytes())
        tokenizer = BPETokenizer.from_json(values["tokenizer"])
        return tokenizer if tokenizer.signature == values["signature"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, tokenizer: BPETokenizer) -> None:
    """Write the cache file whole or not at all; a folder that cannot be written is no error."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
            try:
                json.dump({"signature": tokenizer.signature, "tokenizer": tokenizer.to_json()}, file)
                file.close()
                os.replace(file.name, path)
            except OSError:
                with suppress(OSError):
                    os.unlink(file.name)
