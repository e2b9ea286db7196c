"""From a sample's prompt to the ids that a model reads: a line of text around it, or a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from textgym.errors import ConfigError, DataError, did_you_mean
from textgym.prompts import encoded_prompt
from textgym.tokenizers import Tokenizer

CHAT_KEYS = ("chat", "system", "variables")
FORMS = 'a text with \'{prompt}\', "chat", or {"chat": "{prompt}", "system": ...}'


class Template(Protocol):
    """How a prompt is written."""

    def ids(self, prompt: str) -> list[int]:
        """Return the ids of the prompt and of what stands around it."""

    def shortened(self, prompt: str, limit: int) -> list[int]:
        """Return at most ``limit`` ids, for a prompt that has more: those of its end, where the latest words stand."""

    def to_json(self) -> str | dict[str, Any]:
        """Return the spec that ``make_template`` makes it of."""


@dataclass(frozen=True)
class TextTemplate:
    """A text in which ``{prompt}`` stands for the prompt, encoded with the marks that the tokenizer puts around it."""

    tokenizer: Tokenizer
    text: str

    def ids(self, prompt: str) -> list[int]:
        """Return the ids of the text."""
        return encoded_prompt(self.tokenizer, self.text, prompt)

    def shortened(self, prompt: str, limit: int) -> list[int]:
        """Return the last ids of the text; the separator that ends it is among them."""
        return self.ids(prompt)[-limit:]

    def to_json(self) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True)
class ConversationTemplate:
    """A message of the user, after one of the system if there is one, in the chat template of the tokenizer.

    Attributes:
        tokenizer: One with a method ``encode_chat``.
        user: The message, in which ``{prompt}`` stands for the prompt.
        system: The message of the system; None leaves what the chat template says by itself.
        variables: What else the chat template reads.
    """

    tokenizer: Any
    user: str
    system: str | None
    variables: Mapping[str, Any]

    def ids(self, prompt: str) -> list[int]:
        """Return the ids of the conversation up to where the response begins."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        messages = [*system, {"role": "user", "content": self.user.replace("{prompt}", prompt)}]
        ids: list[int] = self.tokenizer.encode_chat(messages, self.variables)
        return ids

    def shortened(self, prompt: str, limit: int) -> list[int]:
        """Return the ids of the conversation with the first words of the prompt left out; its frame stays whole.

        Raises:
            DataError: The frame alone has more than ``limit`` ids.
        """
        content, ids = self.tokenizer.encode(prompt), self.ids(prompt)
        while len(ids) > limit and content:
            content = content[len(ids) - limit :]
            ids = self.ids(self.tokenizer.decode(content).lstrip("\ufffd"))  # a character that was cut through
        if len(ids) > limit:
            raise DataError(
                f"The chat template alone has {len(ids)} tokens, more than max_prompt_tokens={limit}: raise it."
            )
        return ids

    def to_json(self) -> dict[str, Any]:
        """Return the messages and the variables."""
        told = {"chat": self.user, "system": self.system, "variables": dict(self.variables)}
        return {key: value for key, value in told.items() if value}


def make_template(spec: Any, tokenizer: Tokenizer) -> Template:
    """Return the template that ``spec`` describes, checked with a prompt of one letter.

    Args:
        spec: A text with ``{prompt}``; ``"chat"``; or a mapping with ``chat`` (the user's message, with ``{prompt}``)
            and, if wanted, ``system`` (a message) and ``variables`` (for the chat template).
        tokenizer: Of the environment.

    Raises:
        ConfigError: The spec is none of these, or the tokenizer has no chat template or one that refuses.
    """
    if spec == "chat":
        spec = {"chat": "{prompt}"}
    if isinstance(spec, Mapping):
        return _conversation(spec, tokenizer)
    return TextTemplate(tokenizer, _with_prompt("template", spec))


def _conversation(spec: Mapping[str, Any], tokenizer: Tokenizer) -> ConversationTemplate:
    unknown = [key for key in spec if key not in CHAT_KEYS]
    if unknown:
        raise ConfigError(f"template has no key {unknown[0]!r}. {did_you_mean(str(unknown[0]), CHAT_KEYS)}")
    user = _with_prompt("template['chat']", spec.get("chat"))
    system, variables = spec.get("system"), spec.get("variables")
    if not (system is None or isinstance(system, str)) or not (variables is None or isinstance(variables, Mapping)):
        raise ConfigError(f"template['system'] is a text and template['variables'] a mapping, got {dict(spec)}.")
    if not hasattr(tokenizer, "encode_chat"):
        raise ConfigError(
            f"The tokenizer {tokenizer.signature} knows no chats: template={dict(spec)} is for the tokenizer of an "
            "instruct model (tokenizer='hf:<folder or name>')."
        )
    template = ConversationTemplate(tokenizer, user, system, dict(variables or {}))
    template.ids("x")
    return template


def _with_prompt(name: str, text: Any) -> str:
    if not isinstance(text, str) or "{prompt}" not in text:
        raise ConfigError(f"{name} must hold '{{prompt}}', where the prompt goes, got {text!r}. It is {FORMS}.")
    return text
