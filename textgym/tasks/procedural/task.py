"""What the procedural tasks share: difficulty, seeds, splits, a declared vocabulary, and returns that are known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textgym.arguments import split_sizes, whole_number
from textgym.core import Sample, Task
from textgym.errors import ConfigError, did_you_mean
from textgym.tasks.procedural.generated import BUCKETS, GeneratedSamples
from textgym.tasks.translation.dice import Dice

if TYPE_CHECKING:
    from textgym.chance import Estimate
    from textgym.tokenizers import Tokenizer


class ProceduralTask(Task):
    """A task whose samples are drawn by a program, as many as are asked for.

    Sample i of a split is a function of the task, its difficulty, the seed, the split and i. A prompt belongs to the
    split that ``crc32(prompt) % 10`` says (0 validation, 1 test, else train), so no prompt is in two, also not with
    two seeds. Prompts may repeat within a split, the sooner the lower the difficulty. The vocabulary is the same at
    every difficulty; P and T are the least that fit.

    A subclass gives ``vocabulary``, :meth:`lengths` and :meth:`draw`.

    Args:
        difficulty: 1 is the easiest; the task says what it means.
        seed: Of the samples, at least 0.
        train_size: The number of training samples; a large one costs nothing.
        validation_size: The number of validation samples.
        test_size: The number of test samples.

    Attributes:
        vocabulary: The letters of a character tokenizer, or the words of a word tokenizer.
        hardest: The greatest difficulty; None where there is none.
        exact_to: Up to which difficulty ``random_return`` is exact, because a random policy has the same expectation on
            every prompt and its value there can be computed; None is every one. Beyond, it is the mean of simulated
            episodes of the training split, with ``random_return_error`` as its standard error.

    Raises:
        ConfigError: A number is no whole number or too small, the difficulty is above ``hardest``, or :meth:`samples`
            is asked for a split that does not exist.
    """

    vocabulary: ClassVar[str | tuple[str, ...]]
    hardest: ClassVar[int | None] = None
    exact_to: ClassVar[int | None] = 0
    optimal_return: float = 1.0

    def __init__(
        self,
        difficulty: int = 1,
        seed: int = 0,
        train_size: int = 1_000_000,
        validation_size: int = 1_000,
        test_size: int = 1_000,
    ) -> None:
        self.difficulty = whole_number("difficulty", difficulty)
        if self.difficulty < 1 or (self.hardest is not None and self.difficulty > self.hardest):
            most = "be at least 1" if self.hardest is None else f"lie in [1, {self.hardest}]"
            raise ConfigError(f"The difficulty of the task {self.name!r} must {most}, got {difficulty}.")
        self.seed = whole_number("seed", seed)
        if self.seed < 0:
            raise ConfigError(f"seed must be at least 0, got {seed}.")
        self.sizes = split_sizes(train=train_size, validation=validation_size, test=test_size)
        self.max_prompt_tokens, self.max_new_tokens = self.lengths()

    @abstractmethod
    def lengths(self) -> tuple[int, int]:
        """Return P and T at this difficulty: the longest prompt with its separator, the longest reference with eos."""

    @abstractmethod
    def draw(self, dice: Dice) -> Sample:
        """Return a sample of any split."""

    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of "train", "validation" or "test"."""
        if split not in BUCKETS:
            raise ConfigError(f"The task {self.name!r} has no split {split!r}. {did_you_mean(split, BUCKETS)}")
        return GeneratedSamples(self.draw, self.seed, split, self.sizes[split])

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of the declared vocabulary."""
        from textgym.tokenizers import CharTokenizer, WordTokenizer

        known = self.vocabulary
        return CharTokenizer(known) if isinstance(known, str) else WordTokenizer(known)

    @cached_property
    def random_return(self) -> float:  # type: ignore[override]
        """The expected return of a policy that draws uniformly from the allowed tokens."""
        return self._chance.mean

    @property
    def random_return_error(self) -> float:
        """The standard error of ``random_return``, 0 where that is exact."""
        return self._chance.error

    @cached_property
    def _chance(self) -> Estimate:
        from textgym.chance import Estimate, uniform_return
        from textgym.solver import solve

        if self.exact_to is None or self.difficulty <= self.exact_to:
            return Estimate(solve(self).value(policy="uniform"), 0.0)
        return uniform_return(self)
