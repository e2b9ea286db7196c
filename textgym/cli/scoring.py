"""``textgym score``: how good lines of text are, by the metrics that environments pay."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from textgym.cli.metrics import STDIN, make_metrics, read_lines, same_length
from textgym.cli.parser import Parser
from textgym.core import FloatArray, Reward, Sample
from textgym.errors import ConfigError
from textgym.rewards.judge import judge
from textgym.rewards.signature import column
from textgym.statistics import bootstrap_interval, paired_bootstrap

Systems = Mapping[str, list[str]]
Table = dict[str, dict[str, FloatArray]]  # system, metric: statistics [N, K]


def score(argv: list[str]) -> int:
    """Run ``textgym score``."""
    arguments = _parser().parse_args(argv)
    if arguments.resamples < 0:
        raise ConfigError(f"--resamples must be at least 0, got {arguments.resamples}.")
    metrics = make_metrics(arguments.metrics)
    systems, samples = _read(arguments, metrics)
    if arguments.sentences and not arguments.json:
        for line in _sentence_lines(metrics, systems, samples):
            print(line)
        return 0
    result = _result(metrics, systems, samples, arguments.resamples, arguments.seed)
    if arguments.sentences:
        for system, texts in systems.items():
            for name, scores in _sentences(metrics, texts, samples).items():
                result["systems"][system][name]["sentences"] = scores.tolist()
    print(json.dumps(result, indent=1, ensure_ascii=False) if arguments.json else as_text(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("score", "Score lines of text, from standard input or files, against lines of references.")
    parser.add_argument("references", nargs="*", help="files of references, gzipped or not; line i of each is one")
    parser.add_argument(
        "-i", "--hypotheses", nargs="+", default=[STDIN], metavar="FILE", help="files to score, several to compare"
    )
    parser.add_argument("-m", "--metrics", default="bleu", help="such as bleu,chrf,'0.5*bleu - 0.01*length'")
    parser.add_argument("--prompts", metavar="FILE", help="what was asked, for metrics that look at it")
    parser.add_argument("--sentences", action="store_true", help="print the score of each line")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap; 0 for none (default: 1000)")
    parser.add_argument("--seed", type=int, default=12345, help="of the bootstrap (default: 12345)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _read(arguments: argparse.Namespace, metrics: Mapping[str, Reward]) -> tuple[Systems, list[Sample]]:
    needy = [name for name, reward in metrics.items() if reward.needs_references]
    if needy and not arguments.references:
        raise ConfigError(f"{', '.join(needy)} needs references: textgym score refs.txt < hyps.txt.")
    paths = arguments.hypotheses
    if len(set(paths)) < len(paths):
        raise ConfigError(f"Each file of hypotheses is given once, got {', '.join(paths)}.")
    systems = {path: read_lines(path) for path in paths}
    references = [read_lines(path) for path in arguments.references]
    prompts = [] if arguments.prompts is None else [(arguments.prompts, read_lines(arguments.prompts))]
    count = same_length([*zip(arguments.references, references, strict=True), *systems.items(), *prompts])
    asked = prompts[0][1] if prompts else [""] * count
    # zip(*[]) of no files would be empty
    rows = zip(*references, strict=True) if references else [()] * count
    return systems, [Sample(prompt, row) for prompt, row in zip(asked, rows, strict=True)]


def _sentences(metrics: Mapping[str, Reward], texts: list[str], samples: list[Sample]) -> dict[str, FloatArray]:
    return {name: reward.scale * judge(reward, texts, samples) for name, reward in metrics.items()}


def _sentence_lines(metrics: Mapping[str, Reward], systems: Systems, samples: list[Sample]) -> list[str]:
    """Return a header and a line for each sample: tab-separated scores, of every metric for each system in turn."""
    columns = [_sentences(metrics, texts, samples) for texts in systems.values()]
    titles = [column(name, reward.signature) for name, reward in metrics.items()]
    names = [f"{system}:{title}" if len(systems) > 1 else title for system in systems for title in titles]
    rows = zip(*(values for column in columns for values in column.values()), strict=True)
    return ["\t".join(names), *("\t".join(f"{value:.6g}" for value in row) for row in rows)]


def _result(
    metrics: Mapping[str, Reward], systems: Systems, samples: list[Sample], resamples: int, seed: int
) -> dict[str, Any]:
    table = {
        system: {name: reward.statistics(texts, samples) for name, reward in metrics.items()}
        for system, texts in systems.items()
    }
    result: dict[str, Any] = {
        "samples": len(samples),
        "signatures": {name: reward.corpus_signature for name, reward in metrics.items()},
        "systems": {system: _scores(metrics, rows, resamples, seed) for system, rows in table.items()},
    }
    if len(systems) > 1 and resamples:
        result["compared"] = _compared(metrics, table, resamples, seed)
    return result


def _scores(
    metrics: Mapping[str, Reward], statistics: Mapping[str, FloatArray], resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Return the corpus score of each metric on the scale of its tool, and its 95% bootstrap interval."""
    scores: dict[str, dict[str, Any]] = {}
    for name, reward in metrics.items():
        rows = statistics[name]
        scores[name] = {"score": reward.scale * float(reward.aggregate(rows.sum(axis=0), len(rows)))}
        if resamples:
            ends = bootstrap_interval(rows, reward.aggregate, np.random.default_rng(seed), resamples)
            scores[name]["interval"] = [reward.scale * end for end in ends]
    return scores


def _compared(metrics: Mapping[str, Reward], table: Table, resamples: int, seed: int) -> dict[str, Any]:
    """Return how much each system is better than the first one."""
    baseline, *others = table
    told: dict[str, Any] = {"baseline": baseline, "systems": {}}
    for system in others:
        told["systems"][system] = {}
        for name, reward in metrics.items():
            rng = np.random.default_rng(seed)
            pair = table[system][name], table[baseline][name]
            found = paired_bootstrap(*pair, reward.aggregate, rng, resamples)
            told["systems"][system][name] = {
                "difference": reward.scale * found.difference,
                "interval": [reward.scale * found.low, reward.scale * found.high],
                "p": found.p_value,
            }
    return told


def as_text(result: Mapping[str, Any]) -> str:
    """Return a result as lines for people."""
    lines = []
    titles = {name: column(name, signature) for name, signature in result["signatures"].items()}
    for system, scores in result["systems"].items():
        lines.append(f"{'standard input' if system == STDIN else system} ({result['samples']:,} lines)")
        width = max(map(len, titles.values()))
        for name, told in scores.items():
            lines.append(f"  {titles[name]:<{width}}  {told['score']:8.4g}{_interval(told.get('interval'))}")
    if "compared" in result:
        lines.append(f"\nagainst {result['compared']['baseline']}, by the paired bootstrap (Koehn, 2004)")
        for system, scores in result["compared"]["systems"].items():
            for name, told in scores.items():
                difference = f"{told['difference']:+.4g}{_interval(told['interval'])}"
                lines.append(f"  {system}  {titles[name]}  {difference}  p = {told['p']:.4g}")
    return "\n".join([*lines, "", *(f"{titles[name]}: {text}" for name, text in result["signatures"].items())])


def _interval(ends: Any) -> str:
    return f"  [{ends[0]:.4g}, {ends[1]:.4g}]" if ends else ""
