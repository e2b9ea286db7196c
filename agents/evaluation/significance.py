"""Whether one policy is better than another: both answered the same samples, and the paired bootstrap says how sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agents.evaluation.report import Report
from textgym import Reward, make_reward
from textgym.errors import ConfigError
from textgym.statistics import paired_bootstrap


@dataclass(frozen=True)
class Difference:
    """How much better the first of two reports is by one metric over the corpus, on the scale that its tool prints.

    Attributes:
        name: Of the metric.
        first: The score of the first report.
        second: That of the second.
        difference: ``first - second``.
        interval: Its percentile bootstrap interval.
        p_value: Two-sided, as sacrebleu's paired bootstrap: how often a difference as large comes about by the choice
            of samples alone.
        signature: What makes the scores reproducible.
    """

    name: str
    first: float
    second: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    signature: str


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found.

    Attributes:
        env_id: The environment of the first report.
        split: Of its samples.
        count: How many samples both answered.
        modes: How each answered.
        differences: One for each metric.
        resamples: Corpora that were drawn.
        level: The coverage of the intervals.
        seed: Of the draws.
    """

    env_id: str
    split: str
    count: int
    modes: tuple[str, str]
    differences: tuple[Difference, ...]
    resamples: int
    level: float
    seed: int

    def __getitem__(self, name: str) -> Difference:
        """Return the difference by a metric.

        Raises:
            KeyError: There is none of that name.
        """
        for difference in self.differences:
            if difference.name == name:
                return difference
        raise KeyError(f"The comparison has no {name!r}, but {', '.join(one.name for one in self.differences)}.")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return asdict(self)


def compare(
    first: Report,
    second: Report,
    rewards: Sequence[Any] | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two reports on the same samples by the paired bootstrap (Koehn, 2004).

    Both are scored on the same resampled corpora, so that what the samples have in common cancels. The interval is the
    percentile interval of the differences; for the p-value see :func:`textgym.statistics.paired_bootstrap`.

    Args:
        first: What :func:`agents.evaluate` returned, or ``Report.load`` read.
        second: The same of another policy, decoding or seed.
        rewards: Metrics, as ``textgym.make_reward`` takes them; those of the first report by default.
        resamples: Corpora to draw.
        level: The coverage of the intervals.
        seed: Of the draws.

    Raises:
        ConfigError: The reports answer other samples, have no responses, or a metric is not known any more.
    """
    _check_samples(first, second)
    judges = _judges(first) if rewards is None else [make_reward(spec) for spec in rewards]
    if seed < 0:
        raise ConfigError(f"seed must be at least 0, got {seed}.")
    return Comparison(
        env_id=first.env_id,
        split=first.split,
        count=len(first.samples),
        modes=(first.mode, second.mode),
        differences=tuple(_difference(judge, first, second, resamples, level, seed) for judge in judges),
        resamples=resamples,
        level=level,
        seed=seed,
    )


def _difference(judge: Reward, first: Report, second: Report, resamples: int, level: float, seed: int) -> Difference:
    ours, theirs = (judge.statistics(report.responses, report.samples) for report in (first, second))
    rng = np.random.default_rng(seed)  # the same corpora for every metric
    found = paired_bootstrap(ours, theirs, judge.aggregate, rng, resamples, level)
    a, b = (float(judge.aggregate(rows.sum(axis=0), len(rows))) for rows in (ours, theirs))
    return Difference(
        name=judge.name,
        first=judge.scale * a,
        second=judge.scale * b,
        difference=judge.scale * found.difference,
        interval=(judge.scale * found.low, judge.scale * found.high),
        p_value=found.p_value,
        signature=judge.corpus_signature,
    )


def _check_samples(first: Report, second: Report) -> None:
    """Raise ConfigError unless both answer the same prompts with the same references in the same order."""
    counts = len(first.samples), len(second.samples)
    if not all(counts):
        raise ConfigError(
            "A comparison needs the responses, and a report without them was given: write reports with "
            "Report.save, or textgym eval ... --report FILE.json."
        )
    if counts[0] != counts[1]:
        raise ConfigError(f"The reports answer {counts[0]} and {counts[1]} samples: both must answer the same ones.")
    for row, (one, other) in enumerate(zip(first.samples, second.samples, strict=True)):
        if (one.prompt, one.references) != (other.prompt, other.references):
            raise ConfigError(
                f"The reports answer other samples, row {row} first: {one.prompt!r:.60} with {len(one.references)} "
                f"references and {other.prompt!r:.60} with {len(other.references)} (splits {first.split!r} and "
                f"{second.split!r}): evaluate both on the same data."
            )


def _judges(report: Report) -> list[Reward]:
    """Return the metrics of a report, made again where it was read from JSON."""
    if report.judges:
        return list(report.judges)
    unknown = [score.name for score in report.scores if score.spec is None]
    if unknown:
        raise ConfigError(
            f"The report does not say how to make its metric {unknown[0]!r}, which was an object: pass rewards=[...]."
        )
    return [make_reward(score.spec) for score in report.scores]
