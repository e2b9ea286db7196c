"""What the single and the vector editing environment share: the drafts, beside what all episodes share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from zlib import crc32

import numpy as np

from textgym.arguments import choice, real_number, whole_number
from textgym.core import Sample, Task
from textgym.corruption import make_corruption
from textgym.editing.actions import EditActions
from textgym.editing.space import KINDS, EditSpace
from textgym.episodes import Episodes, Start
from textgym.errors import ConfigError, DataError, did_you_mean
from textgym.registration import option_names

DRAFTS = ("given", "corrupted", "prompt", "empty")


@dataclass(frozen=True, slots=True)
class EditStart(Start):
    """An episode before its first edit: its sample, the ids of its prompt, and those of its draft, at most N."""

    draft: list[int]


class EditEpisodes(Episodes):
    """The arguments of an editing environment, resolved; :class:`textgym.editing.env.EditEnv` says what each means.

    Attributes:
        space: The observation space, which knows N, the limit and which edits are legal.
        actions: How edits are written as actions.
        draft: Where drafts come from.
        corruption: What makes a draft of a reference, where ``draft`` is "corrupted".
        edit_cost: What an edit costs.
    """

    space: EditSpace

    def __init__(
        self,
        task: str | Task,
        *,
        draft: Literal["given", "corrupted", "prompt", "empty"] | None = None,
        corruption: Mapping[str, Any] | None = None,
        kinds: Iterable[str] | None = None,
        max_draft_tokens: int | None = None,
        max_edits: int | None = None,
        edit_cost: float = 0.0,
        flat: bool = False,
        split: str = "train",
        reward: Any = None,
        tokenizer: Any = None,
        data: Any = None,
        template: str | Mapping[str, Any] = "{prompt}",
        max_prompt_tokens: int | None = None,
        banned_tokens: Iterable[int] = (),
        on_length: Literal["terminate", "truncate"] = "terminate",
        invalid_action_penalty: float = 0.1,
        overlong: Literal["error", "truncate", "drop"] | None = None,
        **options: Any,
    ) -> None:
        self._refuse_foreign(options)
        super().__init__(
            task,
            split=split,
            reward=reward,
            tokenizer=tokenizer,
            data=data,
            template=template,
            max_prompt_tokens=max_prompt_tokens,
            max_new_tokens=max_draft_tokens,
            banned_tokens=banned_tokens,
            stop_at_eos=False,
            on_length=on_length,
            invalid_action_penalty=invalid_action_penalty,
            overlong=overlong,
            **options,
        )
        tokens = self.space
        N = tokens.max_new_tokens
        limit = getattr(self.task, "max_edits", N) if max_edits is None else whole_number("max_edits", max_edits)
        known = getattr(self.task, "kinds", KINDS[1:]) if kinds is None else kinds
        P, V = tokens.max_prompt_tokens, tokens.vocab_size
        self.space = EditSpace(V, P, N, limit, tokens.banned_tokens, known)
        self.actions = EditActions(self.space, flat)
        self.draft = choice("draft", getattr(self.task, "draft", "corrupted") if draft is None else draft, DRAFTS)
        self.corruption = make_corruption(getattr(self.task, "corruption", None) if corruption is None else corruption)
        self.edit_cost = real_number("edit_cost", edit_cost)
        if not 0.0 <= self.edit_cost < np.inf:
            raise ConfigError(f"edit_cost is a cost, so at least 0, got {self.edit_cost}.")

    @classmethod
    def argument_names(cls) -> list[str]:
        """Return the names that a misspelt argument may have meant."""
        return [*option_names(cls), "render_mode"]

    @classmethod
    def _refuse_foreign(cls, options: Mapping[str, Any]) -> None:
        """Refuse what belongs to environments that write token by token, such as ``shaping``."""
        for name in options:
            if name in option_names(Episodes):
                near = "max_draft_tokens" if name == "max_new_tokens" else name
                raise ConfigError(
                    f"An editing environment has no option {name!r}. {did_you_mean(near, cls.argument_names())}"
                )

    def _length(self, name: str, given: int | None) -> int:
        """Return P, or for ``max_new_tokens`` N: half as much again as a response, since a draft may be too long."""
        if name != "max_new_tokens":
            return super()._length(name, given)
        if given is None:
            return int(getattr(self.task, "max_draft_tokens", self.task.max_new_tokens * 3 // 2))
        if whole_number("max_draft_tokens", given) < 1:
            raise ConfigError(f"max_draft_tokens must be at least 1, got {given}.")
        return int(given)

    def start(self, index: int) -> EditStart:
        """Return the start of the episode that edits the draft of sample ``index``.

        Raises:
            ConfigError: There is no such sample.
            DataError: Its prompt has no tokens, it has no draft, or one of both is too long.
        """
        return cast(EditStart, super().start(index))

    def draw(self, rng: np.random.Generator) -> EditStart:
        """Return the start of an episode whose sample is drawn uniformly, with replacement."""
        return cast(EditStart, super().draw(rng))

    def fits(self, index: int) -> bool:
        """Whether :meth:`start` can play sample ``index``."""
        if not super().fits(index):
            return False
        return self.overlong == "truncate" or len(self._ids(index, self.samples[index])) <= self.space.max_draft_tokens

    def _start(self, index: int) -> EditStart | None:
        start = super()._start(index)
        if start is None:
            return None
        ids, N = self._ids(index, start.sample), self.space.max_draft_tokens
        if len(ids) > N:
            self.overlong_count += self.overlong != "error"
            if self.overlong != "truncate":
                return None
        return EditStart(start.index, start.sample, start.ids, ids[:N])

    def _ids(self, index: int, sample: Sample) -> list[int]:
        return self.tokenizer.encode(self.draft_text(index, sample))

    def draft_text(self, index: int, sample: Sample) -> str:
        """Return the draft of a sample, always the same.

        Raises:
            DataError: The sample lacks what the draft is made of.
        """
        if self.draft == "empty":
            return ""
        if self.draft == "prompt":
            return sample.prompt
        if self.draft == "given":
            text = sample.metadata.get("draft")
            if not isinstance(text, str):
                raise DataError(
                    f"There is no draft to edit in {self._told(index)}: its metadata must hold a text 'draft' (in a "
                    f"file, a column of that name), got {text!r:.60}; or pass draft='corrupted', 'prompt' or 'empty'."
                )
            return text
        if not sample.references:
            raise DataError(
                f"There is no reference to corrupt in {self._told(index)}: pass draft='given', 'prompt' or 'empty'."
            )
        return self.corruption(sample.references[0], index, crc32(self.split.encode()))

    def _overlong_error(self, index: int) -> DataError:
        sample = self.samples[index]
        if len(self.template.ids(sample.prompt)) > self.space.max_prompt_tokens:
            return super()._overlong_error(index)
        tokens = len(self._ids(index, sample))
        remedy = "choose another index" if self.overlong == "drop" else "pass overlong='truncate' or overlong='drop'"
        return DataError(
            f"The draft of {self._told(index)} has {tokens} tokens, more than "
            f"max_draft_tokens={self.space.max_draft_tokens}: raise it, or {remedy}."
        )

    def _overlong_told(self) -> str:
        P, N = self.space.max_prompt_tokens, self.space.max_draft_tokens
        return (
            f"had more than max_prompt_tokens={P} tokens, or drafts of more than max_draft_tokens={N}: raise it, or "
            "pass overlong='truncate'"
        )

    def checked_draft(self, tokens: Iterable[int]) -> list[int]:
        """Return the tokens of a draft in a snapshot as a list."""
        ids = [whole_number("Each of tokens", token) for token in tokens]
        N, V = self.space.max_draft_tokens, self.space.vocab_size
        if len(ids) > N or not all(0 <= i < V for i in ids):
            raise ConfigError(f"A draft has at most {N} ids in [0, {V}), got {ids}.")
        return ids
