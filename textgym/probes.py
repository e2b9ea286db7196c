"""Hack probes: does a reward pay more for a cheap trick than for an honest response?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from textgym.core import Reward, Sample
from textgym.errors import DataError
from textgym.rewards.judge import judge

DROPPED, SWAPPED = 0.1, 0.1  # of the words of a reference that stands for an honest response
FIRST = 3  # words
REPEATS = 20


@dataclass(frozen=True)
class ProbeResult:
    """What one probe was paid.

    Attributes:
        median: Its median score.
        mean: Its mean score.
        share: On which share of the samples it got more than the honest response to the same prompt.
        wins: Whether its median is above that of the honest responses.
    """

    median: float
    mean: float
    share: float
    wins: bool


@dataclass(frozen=True)
class ProbeReport:
    """What honest responses and probes were paid; ``honest`` is the median of the former, ``count`` the samples."""

    honest: float
    count: int
    probes: dict[str, ProbeResult]

    @property
    def winners(self) -> list[str]:
        """The probes that win."""
        return [name for name, probe in self.probes.items() if probe.wins]


@dataclass(frozen=True)
class Texts:
    """What the probes are made of: samples, an honest response to each, and what is common in their references."""

    samples: Sequence[Sample]
    honest: Sequence[str]
    length: int  # words
    commonest: str
    grams: Sequence[str]

    def other(self, row: int) -> str:
        """Return the honest response to another prompt."""
        return self.honest[(row + 1) % len(self.honest)]


PROBES: dict[str, Callable[[Texts, int], str]] = {
    "empty": lambda texts, row: "",
    "punctuation": lambda texts, row: " ".join([".", ",", "!", "..."] * max(1, texts.length // 4)),
    "one word repeated": lambda texts, row: " ".join([texts.commonest] * (4 * texts.length)),
    "common n-grams": lambda texts, row: " ".join(islice(cycle(texts.grams), max(1, texts.length // 3))),
    "first words": lambda texts, row: " ".join(texts.samples[row].references[0].split()[:FIRST]),
    "prompt copied": lambda texts, row: texts.samples[row].prompt,
    "another answer": lambda texts, row: texts.other(row),
    "very long": lambda texts, row: " ".join([texts.honest[row]] * REPEATS),
}


def probe(reward: Reward, samples: Sequence[Sample], rng: np.random.Generator) -> ProbeReport:
    """Let a reward judge honest responses and the ``PROBES``.

    An honest response is one of the sample's references, judged against its others; where there is only one, it is
    that one with a tenth of its words left out and a tenth swapped with a neighbour.

    Args:
        reward: The reward.
        samples: At least two, each with a reference; those without one are passed over.
        rng: Damages references.

    Raises:
        DataError: Fewer than two samples have a reference.
        RewardError: The reward broke its contract, as it may on such texts.
    """
    kept = [sample for sample in samples if any(text.strip() for text in sample.references)]
    if len(kept) < 2:
        raise DataError(f"Probes need at least two samples with references, got {len(kept)} of {len(samples)}.")
    texts = _texts(kept, rng)
    honest = judge(reward, texts.honest, texts.samples)
    results = {}
    for name, trick in PROBES.items():
        scores = judge(reward, [trick(texts, row) for row in range(len(kept))], texts.samples)
        median = float(np.median(scores))
        share = float((scores > honest).mean())
        results[name] = ProbeResult(median, float(scores.mean()), share, bool(median > np.median(honest)))
    return ProbeReport(float(np.median(honest)), len(kept), results)


def _texts(samples: Sequence[Sample], rng: np.random.Generator) -> Texts:
    honest, judged = [], []
    for sample in samples:
        references = [text for text in sample.references if text.strip()]
        honest.append(references[0] if len(references) > 1 else _damaged(references[0], rng))
        judged.append(Sample(sample.prompt, tuple(references[1:] or references), sample.metadata))
    words = [sample.references[0].split() for sample in judged]
    grams = Counter(" ".join(row[i : i + 3]) for row in words for i in range(len(row) - 2))
    commonest = Counter(word for row in words for word in row).most_common(1)[0][0]
    frequent = [gram for gram, _ in grams.most_common(10)] or [commonest]
    return Texts(judged, honest, int(np.median([len(row) for row in words])), commonest, frequent)


def _damaged(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    kept = [word for word in words if rng.random() >= DROPPED] or words[:1]
    for i in range(len(kept) - 1):
        if rng.random() < SWAPPED:
            kept[i], kept[i + 1] = kept[i + 1], kept[i]
    return " ".join(kept)
