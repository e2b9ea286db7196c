"""A task whose samples are a user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from textgym.core import Sample, Task
from textgym.data.skipping import Skipped
from textgym.errors import ConfigError

if TYPE_CHECKING:
    from textgym.tokenizers import Tokenizer

EDITING = ("draft", "corruption", "kinds", "max_draft_tokens", "max_edits")  # what a task of edits may say besides


class DataTask(Task):
    """Own samples under the reward and the lengths of another task.

    The tokenizer is not taken over, because it may not know the words: byte pairs are learned on the training split.

    Args:
        splits: The samples of each split that there is; a mapping that reads them when asked is welcome.
        like: The task that gives the name, the reward, the lengths, what to do with overlong prompts and, for edits,
            where drafts come from.
        skips: What was passed over in the files of each split.
        origin: What was resolved to get the data, JSON values.

    Attributes:
        skipped: How many bad rows were passed over in each split.
        blanks: How many blank references were left out, of those rows that were read at opening.
        replaced: How many lines had bytes that are not UTF-8, and were replaced.
        origin: For data of the hub its name, configuration and commit; else empty.
    """

    def __init__(
        self,
        splits: Mapping[str, Sequence[Sample]],
        like: Task,
        skips: Mapping[str, Sequence[Skipped]] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self._samples = splits
        self.splits = tuple(splits)
        skips = skips or {}
        self.skipped = {split: sum(one.count for one in all) for split, all in skips.items()}
        self.blanks = {split: sum(one.blanks for one in all) for split, all in skips.items()}
        self.replaced = {split: sum(one.replaced for one in all) for split, all in skips.items()}
        self.origin = dict(origin or {})
        for name in ("name", "reward", "max_prompt_tokens", "max_new_tokens", "overlong", *EDITING):
            if hasattr(like, name):
                setattr(self, name, getattr(like, name))

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split.

        Raises:
            ConfigError: The data has no such split.
        """
        if split not in self._samples:
            raise ConfigError(
                f"The split {split!r} was asked for, and the data has only {', '.join(map(repr, self.splits))}: pass "
                f'split= one of these, or add it: data={{..., "{split}": ...}} or a folder with {split}.jsonl.'
            )
        return self._samples[split]

    def tokenizer(self) -> Tokenizer:
        """Return byte pairs learned on the training split, once.

        Raises:
            ConfigError: There is no training split.
        """
        if "train" not in self._samples:
            raise ConfigError(
                f"The data has no split 'train' to learn byte pairs on, only {', '.join(map(repr, self.splits))}: "
                'pass tokenizer="byte", "hf:..." or the file of a saved one, or add training data.'
            )
        return self._learned

    @cached_property
    def _learned(self) -> Tokenizer:
        return super().tokenizer()
