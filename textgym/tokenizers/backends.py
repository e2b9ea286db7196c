"""The two kinds of Hugging Face tokenizer behind one interface: compiled ones and those written in Python."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any, Protocol

from textgym.errors import ConfigError
from textgym.tokenizers.pieces import Pieces, pieces_of_content


class Backend(Protocol):
    """What ``HuggingFaceTokenizer`` needs of a tokenizer."""

    def ids(self) -> set[int]:
        """Return all ids in use."""

    def special_ids(self) -> set[int]:
        """Return the ids of added tokens that are marked as special."""

    def special_texts(self) -> dict[str, int]:
        """Return the ids of added tokens that are marked as special, by what spells them."""

    def pieces(self, silent: Container[int]) -> Pieces:
        """Return the bytes that each id adds to a text; those of the ``silent`` ids are none."""

    def unk_id(self) -> int | None:
        """Return the id for what the vocabulary does not cover."""

    def encode(self, text: str, *, marks: bool) -> list[int]:
        """Return the ids of text, with the special tokens that the tokenizer adds by itself if ``marks``."""

    def encode_literal(self, text: str) -> list[int]:
        """Return the ids of text in which nothing is taken for a special token."""

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids."""

    def to_json(self) -> dict[str, Any]:
        """Return what is needed to build it again."""


class FastBackend:
    """A tokenizer of the ``tokenizers`` library, from the text of its ``tokenizer.json``.

    Used directly: the layers of transformers above it cost several times the encoding itself, and a copy shares no
    padding or truncation settings with the object that it came from.
    """

    def __init__(self, content: str) -> None:
        self._model = self._build(content)
        self._literal: Any = None

    @staticmethod
    def _build(content: str) -> Any:
        from tokenizers import Tokenizer

        try:
            model = Tokenizer.from_str(content)
        except Exception as error:  # the library raises bare Exceptions
            raise ConfigError(f"The tokenizer's content is damaged ({error}): save it again.") from error
        model.no_padding()
        model.no_truncation()
        return model

    def ids(self) -> set[int]:
        """Return all ids in use."""
        return set(self._model.get_vocab(with_added_tokens=True).values())

    def special_ids(self) -> set[int]:
        """Return the ids of added tokens that are marked as special."""
        return {i for i, token in self._model.get_added_tokens_decoder().items() if token.special}

    def special_texts(self) -> dict[str, int]:
        """Return the ids of added tokens that are marked as special, by what spells them."""
        return {token.content: i for i, token in self._model.get_added_tokens_decoder().items() if token.special}

    def pieces(self, silent: Container[int]) -> Pieces:
        """Return the bytes that each id adds to a text; those of the ``silent`` ids are none."""
        count = max(self.ids()) + 1
        tokens = ["" if i in silent else self._model.id_to_token(i) for i in range(count)]
        return pieces_of_content(json.loads(self._model.to_str()), tokens)

    def unk_id(self) -> int | None:
        """Return the id for what the vocabulary does not cover."""
        unknown = getattr(self._model.model, "unk_token", None)
        return None if unknown is None else self._model.token_to_id(unknown)

    def encode(self, text: str, *, marks: bool) -> list[int]:
        """Return the ids of text, with the special tokens that the tokenizer adds by itself if ``marks``."""
        return list(self._model.encode(text, add_special_tokens=marks).ids)

    def encode_literal(self, text: str) -> list[int]:
        """Return the ids of text in which nothing is taken for a special token."""
        if self._literal is None:
            self._literal = self._build(self._model.to_str())
            self._literal.encode_special_tokens = True
        return list(self._literal.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids."""
        return str(self._model.decode(ids))

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``tokenizer.json``."""
        return {"content": json.loads(self._model.to_str())}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> FastBackend:
        """Return the backend that :meth:`to_json` described."""
        return cls(json.dumps(values["content"]))


class SlowBackend:
    """A transformers tokenizer that is written in Python (ByT5 and other byte or rule-based ones).

    Args:
        tokenizer: The tokenizer object.
        name: The folder or name that it came from: its code is in transformers, so that is all that can be saved.
    """

    def __init__(self, tokenizer: Any, name: str) -> None:
        self._tokenizer = tokenizer
        self._name = name

    def ids(self) -> set[int]:
        """Return all ids in use."""
        return set(self._tokenizer.get_vocab().values())

    def special_ids(self) -> set[int]:
        """Return the ids of added tokens that are marked as special."""
        return {i for i, token in self._tokenizer.added_tokens_decoder.items() if token.special}

    def special_texts(self) -> dict[str, int]:
        """Return the ids of added tokens that are marked as special, by what spells them."""
        return {token.content: i for i, token in self._tokenizer.added_tokens_decoder.items() if token.special}

    def pieces(self, silent: Container[int]) -> Pieces:
        """Refuse: how its tokens become text is written in Python."""
        raise ConfigError(
            f"Stop strings are not known for {type(self._tokenizer).__name__}, which is written in Python: use a "
            "tokenizer that has a tokenizer.json."
        )

    def unk_id(self) -> int | None:
        """Return the id for what the vocabulary does not cover."""
        unknown: int | None = self._tokenizer.unk_token_id
        return unknown

    def encode(self, text: str, *, marks: bool) -> list[int]:
        """Return the ids of text, with the special tokens that the tokenizer adds by itself if ``marks``."""
        return list(self._tokenizer.encode(text, add_special_tokens=marks, verbose=False))

    def encode_literal(self, text: str) -> list[int]:
        """Return the ids of text in which nothing is taken for a special token."""
        return list(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True, verbose=False))

    def decode(self, ids: list[int]) -> str:
        """Return the text of ids."""
        return str(self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def to_json(self) -> dict[str, Any]:
        """Return the name and the pieces, in the order of their ids, which tell when the name gives another one."""
        vocab = self._tokenizer.get_vocab()
        return {"name": self._name, "pieces": sorted(vocab, key=vocab.__getitem__)}
