"""What a run has found, as text: a table with intervals, the signatures of its metrics, and sample episodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.evaluation.drift import Drift
from agents.evaluation.report import Report, Score
from agents.evaluation.significance import Comparison
from textgym.rendering import printable
from textgym.rewards.signature import column


@dataclass(frozen=True)
class Row:
    """One policy of the comparison."""

    greedy: Report
    sampled: Report

    def to_json(self) -> dict[str, Any]:
        """Return everything but the texts as JSON values."""
        return {"greedy": self.greedy.to_json(), "sampled": self.sampled.to_json()}

    def headline(self) -> str:
        """Return the first metric in few words."""
        greedy, sampled = self.greedy.scores[0], self.sampled.scores[0]
        return f"{greedy.name} {greedy.corpus:.2f} greedy, {sampled.corpus:.2f} {self.sampled.mode}"


def comparison(rows: Mapping[str, Row]) -> str:
    """Return a table of policies, greedy and sampled, with each metric over the corpus and as a mean over sentences."""
    first = next(iter(rows.values())).greedy
    intro = f"{len(first.responses):,} samples of {first.env_id}, split {first.split!r}; 95% bootstrap intervals"
    greedy = report_table({name: row.greedy for name, row in rows.items()})
    sampled = report_table({name: row.sampled for name, row in rows.items()})
    return "\n\n".join([intro, greedy, sampled])


def report_table(reports: Mapping[str, Report]) -> str:
    """Return a table of reports that answer the same samples in the same mode."""
    first = next(iter(reports.values()))
    metrics = [f"{score.title} {kind}" for score in first.scores for kind in ("corpus", "sentence")]
    header = [first.mode, *metrics, "length", "ended"]
    lines = [
        [name, *_cells(report.scores), f"{report.mean_length:.1f}", f"{report.ended:.0%}"]
        for name, report in reports.items()
    ]
    return _aligned([header, *lines])


def pool_table(report: Report) -> str:
    """Return a table of what a best of n was chosen from: the means over all n samples of each prompt."""
    metrics = [f"{score.title} {kind}" for score in report.pool for kind in ("corpus", "sentence")]
    return _aligned([["all samples, none chosen", *metrics], ["", *_cells(report.pool)]])


def differences(comparison: Comparison) -> str:
    """Return a table of how much better the first of two policies is by each metric over the corpus."""
    header = ["first less second", "first", "second", "difference", f"{comparison.level:.0%} interval", "p"]
    lines = [
        [
            column(one.name, one.signature),
            f"{one.first:.2f}",
            f"{one.second:.2f}",
            f"{one.difference:+.2f}",
            f"[{one.interval[0]:+.2f}, {one.interval[1]:+.2f}]",
            f"{one.p_value:.4f}",
        ]
        for one in comparison.differences
    ]
    how = f"paired bootstrap (Koehn, 2004), {comparison.resamples:,} resamples of {comparison.count:,} samples, "
    return f"{_aligned([header, *lines])}\n{how}seed {comparison.seed}, p two-sided"


def drift_lines(drift: Drift) -> str:
    """Return entropy and KL divergence, in nats, with their intervals."""
    lines = [f"drift along {drift.mode} responses of {drift.mean_length:.1f} tokens; nats, 95% bootstrap intervals"]
    for name in ("entropy_per_token", "kl_per_token", "kl_per_response"):
        mean = getattr(drift, name)
        lines.append(f"{name.replace('_', ' '):<17}  {mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]")
    return "\n".join(lines)


def signatures(scores: Iterable[Score]) -> str:
    """Return the lines that make the numbers reproducible."""
    return "\n".join(
        f"{score.title} {kind}: {text}"
        for score in scores
        for kind, text in (("corpus", score.corpus_signature), ("sentence", score.signature))
    )


def example_episodes(before: tuple[str, Report], after: tuple[str, Report], count: int) -> str:
    """Return the first samples whose responses differ between two policies, each a name and its report."""
    (old, earlier), (new, later) = before, after
    pairs = zip(earlier.responses, later.responses, strict=True)
    differing = [i for i, (was, now) in enumerate(pairs) if was != now]
    width = max(len(old), len(new), len("reference"))
    lines = [
        f"{len(differing)} of {len(later.responses)} {later.mode} responses differ between {old} and {new}; the first:"
    ]
    for i in differing[:count]:
        sample = later.samples[i]
        texts = [("prompt", sample.prompt), *(("reference", text) for text in sample.references[:1])]
        texts += [(old, earlier.responses[i]), (new, later.responses[i])]
        lines += ["", *(f"  {name:<{width}}  {printable(text)}" for name, text in texts)]
    return "\n".join(lines)


def _cells(scores: Sequence[Score]) -> list[str]:
    return [
        f"{value:.2f} [{low:.2f}, {high:.2f}]"
        for score in scores
        for value, (low, high) in ((score.corpus, score.corpus_interval), (score.sentence, score.sentence_interval))
    ]


def _aligned(table: list[list[str]]) -> str:
    """Return rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in table
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
