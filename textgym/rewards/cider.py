"""CIDEr-D (Vedantam, Zitnick and Parikh, 2015): n-grams weighed by how rare they are in a collection."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from textgym.core import FloatArray, Sample, Task
from textgym.errors import ConfigError, RewardError
from textgym.registration import register_reward
from textgym.rewards.reference import ReferenceReward
from textgym.rewards.signature import signature
from textgym.rewards.unicode_words import unicode_words

ORDERS = 4
Gram = tuple[str, ...]


class Vector(NamedTuple):
    """A text as weights of its n-grams.

    Attributes:
        weights: For each order the weight of each n-gram: its count times its inverse document frequency.
        norms: The Euclidean length of each of these.
        length: How many words the text has.
    """

    weights: list[dict[Gram, float]]
    norms: list[float]
    length: int


class Collection:
    """How many documents have each n-gram; a document is all references of one sample.

    Args:
        documents: The references of each sample.
    """

    def __init__(self, documents: Iterable[Sequence[str]]) -> None:
        self.frequencies: Counter[Gram] = Counter()
        self.size = 0
        digest = hashlib.sha256()
        for references in documents:
            self.size += 1
            self.frequencies.update({gram for text in references for gram in _grams(unicode_words(text))})
            digest.update(repr(references).encode("utf-8", "backslashreplace"))
        self.fingerprint = digest.hexdigest()[:8]

    def vector(self, text: str) -> Vector:
        """Return the weights of a text's n-grams."""
        words = unicode_words(text)
        weights: list[dict[Gram, float]] = [{} for _ in range(ORDERS)]
        size = math.log(self.size) if self.size else 0.0
        for gram, count in Counter(_grams(words)).items():
            weights[len(gram) - 1][gram] = count * (size - math.log(max(1, self.frequencies[gram])))
        norms = [math.sqrt(sum(weight * weight for weight in order.values())) for order in weights]
        return Vector(weights, norms, len(words))


@register_reward("cider")
@dataclass(frozen=True)
class CIDErD(ReferenceReward[list[Vector]]):
    """CIDEr-D on [0, 1], a tenth of the published scale, on which tables print it; the mean over the references.

    Words are those of any script, in lower case, without punctuation and not stemmed. Counts are not divided by the
    length, as in coco-caption, the implementation of the authors.

    Args:
        documents: The collection whose references tell how rare an n-gram is, commonly the training split: a path, as
            ``data=`` takes it, a list of samples, or a Task. Without one only a corpus can be scored, whose own
            references are the collection then, as in coco-caption.
        sigma: How soon another length than the reference's costs, words.

    Raises:
        ConfigError: ``sigma`` is not positive, or the documents are not samples.
        DataError: The documents cannot be read.
    """

    documents: Any = field(default=None, repr=False)
    sigma: float = 6.0

    scale = 10.0
    remembered = 2**18  # n-grams up to order 4 take much more memory than words

    def __post_init__(self) -> None:
        if not 0 < self.sigma < math.inf:
            raise ConfigError(f"CIDEr-D needs a positive sigma, got {self.sigma}.")
        _ = self._collection  # so that what is missing is told when the reward is made

    def prepare(self, references: tuple[str, ...]) -> list[Vector]:
        """Return the weights of each reference."""
        if self._collection is None:
            raise RewardError(
                "CIDEr-D weighs n-grams by how rare they are in a collection, and there is none: give it one, as in "
                "{'name': 'cider', 'documents': 'train.jsonl'}."
            )
        return list(map(self._collection.vector, references))

    def compare(self, response: str, prepared: list[Vector]) -> float:
        """Return the mean over orders and references."""
        assert self._collection is not None  # prepare() saw to it
        mine = self._collection.vector(response)
        return sum(self._similarity(mine, theirs) for theirs in prepared) / len(prepared)

    def statistics(self, responses: Sequence[str], samples: Sequence[Sample]) -> FloatArray:
        """Return the scores, float64 [N, 1]; without ``documents`` those of ``samples`` are the collection."""
        if self.documents is not None:
            return super().statistics(responses, samples)
        return replace(self, documents=list(samples)).statistics(responses, samples)

    @property
    def signature(self) -> str:
        """The signature of the sentence score."""
        known = self._collection
        documents = f"{known.size}[{known.fingerprint}]" if known else "judged"
        return signature(
            "cider", "sentence", nrefs="var", case="lc", tok="unicode", n=ORDERS, sigma=f"{self.sigma:g}", df=documents
        )

    @cached_property
    def _collection(self) -> Collection | None:
        if self.documents is None:
            return None
        return Collection(sample.references for sample in _samples(self.documents))

    def _similarity(self, mine: Vector, theirs: Vector) -> float:
        """Return equation 6 of the paper for one reference, without its factor of 10, averaged over the orders."""
        total = 0.0
        orders = zip(mine.weights, theirs.weights, mine.norms, theirs.norms, strict=True)
        for weights, others, norm, other_norm in orders:
            product = sum(min(w, others[gram]) * others[gram] for gram, w in weights.items() if gram in others)
            total += product / (norm * other_norm) if norm and other_norm else 0.0
        penalty = math.exp(-((mine.length - theirs.length) ** 2) / (2 * self.sigma**2))
        return min(1.0, penalty * total / ORDERS)


def _grams(words: Sequence[str]) -> list[Gram]:
    return [tuple(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1)]


def _samples(documents: Any) -> Sequence[Sample]:
    if isinstance(documents, list) and all(isinstance(document, Sample) for document in documents):
        return documents
    from textgym.data import load_data

    samples: Sequence[Sample] = load_data(documents, like=_AnyTask()).samples("train")
    return samples


class _AnyTask(Task):
    """Lends its defaults to data that no environment plays."""

    def samples(self, split: str) -> Sequence[Sample]:
        return ()
