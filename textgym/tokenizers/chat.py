"""How an instruct model wants a conversation written: the chat template that comes with its tokenizer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textgym.errors import ConfigError, MissingExtraError

OPEN, CLOSE = "\ue000", "\ue001"  # of private use: they mark what a message must not be taken for
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja template over ``messages``, rendered in a sandbox by transformers.

    Attributes:
        text: The template.
        tokens: The tokenizer's special tokens by name (``bos_token``), which templates refer to.
    """

    text: str
    tokens: Mapping[str, Any]

    @classmethod
    def of(cls, tokenizer: Any) -> ChatTemplate | None:
        """Return the template of a transformers tokenizer, the one called "default" where there are several."""
        found = getattr(tokenizer, "chat_template", None)
        text = found.get("default") if isinstance(found, dict) else found
        return cls(text, dict(tokenizer.special_tokens_map)) if text else None

    def render(self, messages: Messages, variables: Mapping[str, Any]) -> str:
        """Return a conversation as text that ends where the model's answer begins.

        Args:
            messages: Each with a ``role`` and a ``content``.
            variables: What else the template reads, such as ``{"enable_thinking": False}`` for Qwen 3.

        Raises:
            ConfigError: The template refuses, as Gemma's does a system message.
        """
        try:
            from transformers.utils.chat_template_utils import render_jinja_template
        except ImportError as error:
            raise MissingExtraError("transformers", "agents", "A chat template") from error
        chat = [dict(message) for message in messages]
        values: dict[str, Any] = {**self.tokens, **variables}
        try:
            result: Any = render_jinja_template([chat], chat_template=self.text, add_generation_prompt=True, **values)
        except Exception as error:  # whatever a template does
            raise ConfigError(f"The tokenizer's chat template cannot write {chat}: {error}.") from error
        return str(result[0][0])


def split_marked(text: str) -> list[str]:
    """Return the parts of a text, in turn written by the template and marked by :func:`mark`."""
    return re.split(f"{OPEN}(.*?){CLOSE}", text, flags=re.DOTALL)


def mark(content: str, special: Sequence[str]) -> str:
    """Return a message in which everything that spells a special token is marked."""
    content = content.replace(OPEN, "").replace(CLOSE, "")
    longest_first = sorted(filter(None, special), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)) or "(?!)", rf"{OPEN}\g<0>{CLOSE}", content)
