"""Byte pairs learned from text: the default tokenizer of a user's own data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from textgym.errors import ConfigError
from textgym.tokenizers.base import PieceTokenizer, strings, well_formed
from textgym.tokenizers.pieces import byte_letters

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Model


class BPETokenizer(PieceTokenizer):
    """Byte-level byte-pair encoding (Sennrich et al., 2016; Radford et al., 2019), then ``<eos>`` and ``<sep>``.

    All 256 bytes are in the vocabulary and no space is added in front, so the round trip is exact for any text.
    ``train_bpe`` learns one.

    Args:
        vocab: The pieces in the order of their ids, written with GPT-2's printable letters for bytes.
        merges: The pairs of pieces in the order in which they are joined.

    Raises:
        ConfigError: Vocabulary and merges do not make a byte-level model.
    """

    kind = "bpe"

    def __init__(self, vocab: list[str], merges: list[list[str]]) -> None:
        letters = {letter: value for value, letter in enumerate(byte_letters())}
        if not set(letters) <= set(vocab) or not set(letters) >= set("".join(vocab)) or len(set(vocab)) != len(vocab):
            raise ConfigError(
                "A byte-pair vocabulary must hold each of the 256 letters for bytes, nothing but pieces made of them, "
                "and no piece twice: use train_bpe."
            )
        self._vocab, self._merges = vocab, merges
        self._model = _model({piece: i for i, piece in enumerate(vocab)}, merges)
        super().__init__(bytes(letters[letter] for letter in piece) for piece in vocab)

    def encode(self, text: str) -> list[int]:
        """Return the ids of the text's pieces; a lone surrogate counts as U+FFFD."""
        return list(self._model.encode(well_formed(text), add_special_tokens=False).ids)

    def to_json(self) -> dict[str, Any]:
        """Return the kind, the pieces and the merges."""
        return {"kind": self.kind, "vocab": self._vocab, "merges": self._merges}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> BPETokenizer:
        """Return the tokenizer that :meth:`to_json` described."""
        merges = [strings(pair, "A merge") for pair in values["merges"]]
        return cls(strings(values["vocab"], "The vocabulary"), merges)

    @classmethod
    def from_model(cls, model: Model) -> BPETokenizer:
        """Return the tokenizer of a byte-level model of the ``tokenizers`` library."""
        content = json.loads(model.to_str())["model"]
        return cls(sorted(content["vocab"], key=content["vocab"].__getitem__), [list(p) for p in content["merges"]])


def _model(vocab: dict[str, int], merges: list[list[str]]) -> Model:
    from tokenizers import Tokenizer, models, pre_tokenizers

    try:
        model = Tokenizer(models.BPE(vocab, [(left, right) for left, right in merges]))
    except Exception as error:  # the library raises bare Exceptions and ValueErrors here
        raise ConfigError(f"The merges do not fit the byte-pair vocabulary: {error}. Use train_bpe.") from error
    # a space in front would come back from decode, and the round trip would not be exact
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return model
