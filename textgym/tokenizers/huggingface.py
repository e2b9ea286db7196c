"""Any Hugging Face tokenizer, its ids shared with the model that it came with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from textgym.errors import ConfigError, MissingExtraError, did_you_mean
from textgym.tokenizers.backends import Backend, FastBackend, SlowBackend
from textgym.tokenizers.base import Ids, plain, signature, well_formed
from textgym.tokenizers.chat import ChatTemplate, Messages, mark, split_marked
from textgym.tokenizers.hub import HUB, hub_reachable
from textgym.tokenizers.pieces import Pieces


class HuggingFaceTokenizer:
    """A tokenizer of the transformers library; ids, prompt marks and end of text are those of its model.

    A prompt gets the special tokens that the tokenizer adds by itself; a response gets none, and text that spells a
    special token (``"</s>"``) is encoded as that text. Padding is never needed. Of an instruct model the chat template
    is kept too; :meth:`encode_chat` uses it.

    Args:
        source: A folder, a name on the hub (from the local cache where it is there), or a tokenizer object.

    Raises:
        ConfigError: Nothing can be loaded from there; the message tells what was looked for and where.
        MissingExtraError: A name or folder was given and transformers is not installed.
    """

    kind = "huggingface"

    def __init__(self, source: Any) -> None:
        named = isinstance(source, (str, os.PathLike))
        tokenizer = load(os.fspath(source)) if named else source
        if getattr(tokenizer, "is_fast", False):
            self._backend: Backend = FastBackend(tokenizer.backend_tokenizer.to_str())
        else:
            self._backend = SlowBackend(tokenizer, tokenizer.name_or_path)
        self._set(tokenizer.eos_token_id, tokenizer.all_special_ids, ChatTemplate.of(tokenizer))

    def _set(self, eos_id: int | None, special_ids: Sequence[int], chat: ChatTemplate | None) -> None:
        ids = self._backend.ids()
        self.chat = chat
        self.eos_id = eos_id
        self.vocab_size = max(ids) + 1
        gaps = set(range(self.vocab_size)) - ids  # ids that stand for nothing, as some vocabularies have
        end = set() if eos_id is None else {eos_id}
        special = {*special_ids, *self._backend.special_ids(), *gaps} - end
        self.special_ids = tuple(sorted(special))
        self._silent = frozenset(special | end)

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a prompt, with the special tokens that the tokenizer adds by itself."""
        return self._backend.encode(well_formed(text), marks=True)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a response's text: no eos, and no special id but ``<unk>``."""
        text = well_formed(text)
        ids = self._backend.encode(text, marks=False)
        return ids if self._silent.isdisjoint(ids) else self._literal(text)

    def _literal(self, text: str) -> list[int]:
        # an <unk> may remain, where it is a token of its own: no other special id is needed to write plain text
        dropped = self._silent - ({self._backend.unk_id()} - {self.eos_id})
        return [i for i in self._backend.encode_literal(text) if i not in dropped]

    def encode_chat(self, messages: Messages, variables: Mapping[str, Any] | None = None) -> list[int]:
        """Return the ids of a conversation up to where the model's answer begins.

        What a message spells is never taken for a special token, so that no prompt can end its own turn.

        Args:
            messages: Each with a ``role`` ("system", "user", "assistant") and a ``content``.
            variables: What else the chat template reads.

        Raises:
            ConfigError: The tokenizer has no chat template, or the template refuses the messages.
        """
        if self.chat is None:
            raise ConfigError(
                f"The tokenizer {self.signature} has no chat template, as those of instruct models have: use a "
                "template of text, such as '{prompt}'."
            )
        special = self.special_texts
        marked = [
            {key: mark(well_formed(text), list(special)) for key, text in message.items()} for message in messages
        ]
        parts = split_marked(self.chat.render(marked, variables or {}))
        written, spelled = self._backend.encode, self._literal
        return [
            i for k, part in enumerate(parts) if part for i in (spelled(part) if k % 2 else written(part, marks=False))
        ]

    @cached_property
    def special_texts(self) -> dict[str, int]:
        """The special ids, the eos among them, by what spells them."""
        return self._backend.special_texts()

    def pieces(self) -> Pieces:
        """Return the bytes that each id adds to a text.

        Raises:
            ConfigError: Its decoder does more than to write the tokens one after the other.
        """
        return self._backend.pieces(self._silent)

    def decode(self, ids: Ids) -> str:
        """Return the text of ids; specials, eos and ids outside the vocabulary are dropped."""
        return self._backend.decode([i for i in plain(ids) if 0 <= i < self.vocab_size and i not in self._silent])

    def decode_batch(self, batch: Sequence[Ids]) -> list[str]:
        """Return the text of each row of ids."""
        return [self.decode(ids) for ids in batch]

    @cached_property
    def signature(self) -> str:
        """A line that tells the kind, the size and a hash of the content."""
        return signature(self.to_json() | {"name": None}, self.vocab_size)

    def to_json(self) -> dict[str, Any]:
        """Return all of a fast tokenizer's content; of one written in Python, its name and a list of its pieces."""
        known = {"kind": self.kind, "eos_id": self.eos_id, "special_ids": list(self.special_ids)}
        return known | self._backend.to_json() | ({"chat": asdict(self.chat)} if self.chat else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> HuggingFaceTokenizer:
        """Return the tokenizer that :meth:`to_json` described.

        Raises:
            ConfigError: The content is damaged, or what the name gives now is another tokenizer.
        """
        if "name" in values:
            tokenizer = cls(values["name"])
            if tokenizer.to_json() != values:
                raise ConfigError(f"The tokenizer {values['name']!r} is not the one that was saved: its pieces differ.")
            return tokenizer
        tokenizer = cls.__new__(cls)
        tokenizer._backend = FastBackend.from_json(values)
        chat = ChatTemplate(**values["chat"]) if "chat" in values else None
        tokenizer._set(values["eos_id"], values["special_ids"], chat)
        return tokenizer

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_json() == self.to_json()

    def __hash__(self) -> int:
        return hash((self.kind, self.vocab_size, self.special_ids))

    def __deepcopy__(self, memo: dict[int, Any]) -> HuggingFaceTokenizer:
        return self  # never changes, and gym.make copies the arguments of every environment

    def __repr__(self) -> str:
        return f"HuggingFaceTokenizer({self.signature})"


def load(name: str) -> Any:
    """Return the transformers tokenizer in a folder, or of a name: from the local cache, else from the hub."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("transformers", "agents", f"The tokenizer {name!r}") from error
    folder = Path(os.path.expanduser(name))
    if os.path.isdir(folder):
        return _load(AutoTokenizer, str(folder), f"the folder {folder.absolute()}", local=True)
    if name.startswith((".", "~", "/")) or len(Path(name).parts) > 2:
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        raise ConfigError(f"There is no tokenizer folder {folder.absolute()}. {did_you_mean(folder.name, siblings)}")
    try:
        return _load(AutoTokenizer, name, "the local Hugging Face cache", local=True)
    except ConfigError as error:
        if not hub_reachable():
            raise ConfigError(f"{error} The hub was not asked: {HUB} cannot be reached from here.") from error
    return _load(AutoTokenizer, name, HUB, local=False)


def _load(auto: Any, name: str, where: str, *, local: bool) -> Any:
    try:
        # code that comes with a model is never run
        return auto.from_pretrained(name, local_files_only=local, trust_remote_code=False)
    except Exception as error:  # transformers lets OSError, ValueError, KeyError and errors of its backends through
        reason = str(error).strip().partition("\n")[0]
        if "trust_remote_code" in str(error):
            raise ConfigError(
                f"The tokenizer {name!r} needs code that comes with it (trust_remote_code), and such code is never "
                "run: take one whose class is part of transformers, or that has a tokenizer.json."
            ) from error
        raise ConfigError(
            f"The tokenizer {name!r} cannot be loaded from {where} ({type(error).__name__}: {reason}). Give a folder "
            "that holds tokenizer.json and tokenizer_config.json (save_pretrained writes them), or a name on the hub."
        ) from error
