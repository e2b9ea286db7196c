"""The three nouns of the library: a task holds samples, the agent writes a response, a reward judges it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from textgym.cards import Card
    from textgym.rewards.progress import Progress
    from textgym.tokenizers import Tokenizer

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sample:
    """One prompt, the references a good response may equal, and whatever else is known about it.

    ``references`` may be given as one string or any sequence of strings; it is stored as a tuple.
    """

    prompt: str
    references: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        references = (self.references,) if isinstance(self.references, str) else self.references
        if not isinstance(references, Iterable):
            raise TypeError(f"A sample's references must be str or a sequence of str, got {references!r}.")
        references = tuple(references)
        for text in (self.prompt, *references):
            if not isinstance(text, str):
                raise TypeError(f"A sample's prompt and references must be str, got {type(text).__name__}: {text!r}.")
        object.__setattr__(self, "references", references)

    def __deepcopy__(self, memo: dict[int, Any]) -> Sample:
        return self  # gym.make copies the arguments of every environment, and a sample never changes


class Task(ABC):
    """A collection of samples with splits, and the defaults that suit it.

    A subclass gives :meth:`samples`; the rest has defaults.

    Attributes:
        name: The registered name, set by ``register_task``.
        reward: The default reward, as accepted by ``textgym.make_reward``.
        max_prompt_tokens: The default P, tokens.
        max_new_tokens: The default T, tokens.
        overlong: What the environment does by default with a prompt of more than P tokens.
        splits: The splits that :meth:`samples` accepts.
        sources: Names that ``data=`` may take to choose another source of samples for this task.
        card: Where the samples come from, their licence, published results; None where nobody wrote it down.
        optimal_return: The expected return of the best policy, undiscounted; None where it is not known.
        random_return: That of a policy that draws every token uniformly from those that are allowed.
    """

    name: str = "unnamed"
    reward: Any = "bleu"
    max_prompt_tokens: int = 64
    max_new_tokens: int = 64
    overlong: Literal["error", "truncate", "drop"] = "error"
    splits: tuple[str, ...] = ("train", "validation", "test")
    sources: ClassVar[tuple[str, ...]] = ()
    card: ClassVar[Card | None] = None
    optimal_return: float | None = None
    random_return: float | None = None

    @abstractmethod
    def samples(self, split: str) -> Sequence[Sample]:
        """Return the samples of a split; a lazy sequence is welcome, its items must not change."""

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of this task: by default byte pairs learned on the training split, cached by content."""
        from textgym.tokenizers import train_bpe

        samples = self.samples("train")
        texts = (text for i in range(min(len(samples), 20_000)) for text in (samples[i].prompt, *samples[i].references))
        return train_bpe(texts, text_id=self.training_text_id())

    def training_text_id(self) -> str | None:
        """Return what tells the training split's texts from any others, where that is cheaper than to read them all.

        A cached tokenizer is looked up by it. None, the default, has the texts read and hashed; a task whose samples
        are generated may name its generator's version and the sizes.
        """
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> Task:
        return self  # samples never change, and an environment's spec is copied often


class Reward(ABC):
    """The judge of responses; the same object trains and evaluates.

    A subclass gives :meth:`__call__`. A corpus score that is not the mean of the sentence scores is given by
    :meth:`statistics` and :meth:`aggregate`, which also make its bootstrap intervals cheap.

    Attributes:
        name: A short name for tables.
        bounds: The least and the greatest value of a sentence score.
        scale: Tables print ``scale`` times the score (BLEU is commonly printed on 0-100).
        needs_references: Whether a sample without references cannot be judged.
        won_by: Cheap tricks (of :mod:`textgym.probes`) that are known to get more than an honest response.
    """

    name: str = "reward"
    bounds: tuple[float, float] = (0.0, 1.0)
    scale: float = 1.0
    needs_references: bool = False
    won_by: ClassVar[tuple[str, ...]] = ()

    @property
    def incremental(self) -> bool:
        """Whether :meth:`start` scores a text that grows in less time than judging it anew each time."""
        return False

    def start(self, samples: Iterable[Sample]) -> Progress:
        """Return a state that scores one response to each of ``samples`` after every piece that is appended to it."""
        from textgym.rewards.progress import Rescored

        return Rescored(self, samples)

    @abstractmethod
    def __call__(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return one score per response, float64 [N], within ``bounds``."""

    @property
    def fault_counts(self) -> dict[str, int]:
        """How often what went wrong outside this process, by name; empty for a reward that is computed here."""
        return {}

    @property
    def signature(self) -> str:
        """A line that makes the sentence score reproducible: name, options, versions."""
        return self.name

    @property
    def corpus_signature(self) -> str:
        """The same for the corpus score."""
        return f"{self.signature}|corpus:mean"

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return per-response statistics, float64 [N, K], whose sum over a corpus determines its score."""
        return np.asarray(self(responses, samples), dtype=np.float64)[:, None]

    def aggregate(self, totals: FloatArray, count: int) -> FloatArray:
        """Return corpus scores, float64 [...], from statistics summed over ``count`` responses, [..., K]."""
        return np.asarray(totals[..., 0] / max(count, 1), dtype=np.float64)

    def corpus(self, responses: Sequence[str], samples: Sequence[Sample]) -> float:
        """Return the score of the responses taken together."""
        return float(self.aggregate(self.statistics(responses, samples).sum(axis=0), len(responses)))
