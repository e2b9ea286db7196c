"""``textgym check``: whether an environment keeps its contracts, and what a reward pays for cheap tricks."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from typing import Any

import numpy as np

from textgym.cli.environment_check import check_environment
from textgym.cli.parser import Parser
from textgym.errors import ConfigError
from textgym.probes import ProbeReport, probe
from textgym.registration import make_reward
from textgym.rewards.signature import column
from textgym.sources import resolve_task, split_samples

FOUND = 1  # the exit code with --strict when a probe wins


def check(argv: list[str]) -> int:
    """Run ``textgym check``."""
    parser = Parser(
        "check",
        "Run all checkers on an environment; or tell what a reward pays for cheap tricks, beside what it pays for "
        "honest responses.",
    )
    parser.add_argument("id", nargs="?", help="of an environment, such as textgym/Translation-v0 or module:my/Env-v0")
    parser.add_argument(
        "--kwargs", metavar="JSON", help="""arguments of the environment, such as '{"split": "test"}'"""
    )
    parser.add_argument("--reward", help="such as bleu, '0.5*bleu - 0.01*length' or module:function")
    parser.add_argument("--task", default="translation", help="whose samples are used (default: translation)")
    parser.add_argument("--data", help="a file of samples instead, as data= of an environment")
    parser.add_argument("--split", help="of these (default: validation, of a file train)")
    parser.add_argument("--num-samples", type=int, default=200, help="how many of them (default: 200)")
    parser.add_argument("--seed", type=int, default=0, help="of episodes, or of the damage to references (default: 0)")
    parser.add_argument(
        "--strict", action="store_true", help=f"exit with {FOUND} also for a warning, or a trick that wins"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    if (arguments.id is None) == (arguments.reward is None):
        parser.error("give the id of an environment, or --reward")
    if arguments.id is not None:
        return check_environment(arguments)
    if arguments.kwargs is not None:
        parser.error("--kwargs is for an environment")
    return _check_reward(arguments)


def _check_reward(arguments: Namespace) -> int:
    if arguments.num_samples < 2:
        raise ConfigError(f"--num-samples must be at least 2, got {arguments.num_samples}.")
    reward = make_reward(arguments.reward)
    samples = split_samples(
        resolve_task(arguments.task, arguments.data, {}, known=()),
        arguments.split or ("validation" if arguments.data is None else "train"),
    )
    chosen = [samples[i] for i in range(min(arguments.num_samples, len(samples)))]
    report = probe(reward, chosen, np.random.default_rng(arguments.seed))
    told = {"reward": arguments.reward, "signature": reward.signature, **_numbers(report)}
    print(
        json.dumps(told, indent=1)
        if arguments.json
        else as_text(column(arguments.reward, reward.signature), report, reward.signature)
    )
    return FOUND if arguments.strict and report.winners else 0


def _numbers(report: ProbeReport) -> dict[str, Any]:
    return asdict(report) | {"winners": report.winners}


def as_text(name: str, report: ProbeReport, signature: str) -> str:
    """Return a report as a table, and the signature of the scores."""
    width = max(map(len, report.probes))
    lines = [
        f"{name} on {report.count:,} samples; an honest response gets {report.honest:.4g} (median)",
        "",
        f"{'probe':<{width}}  {'median':>9}  {'mean':>9}  above honest",
    ]
    for title, found in report.probes.items():
        mark = "  WINS" if found.wins else ""
        lines.append(f"{title:<{width}}  {found.median:9.4g}  {found.mean:9.4g}  {found.share:12.0%}{mark}")
    if report.winners:
        lines += ["", f"A policy can win by {', '.join(report.winners)}: put another metric or a penalty beside it."]
    return "\n".join([*lines, "", f"{name}: {signature}"])
