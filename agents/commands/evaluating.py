"""``textgym eval``: scores of a run, a checkpoint or a Hugging Face folder, and whether it beats another one."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.commands.settings import take
from agents.config.config_reader import read_config
from agents.config.run_config import MANAGED
from agents.runs.run_folder import RunFolder
from textgym.cli.metrics import split_metrics
from textgym.cli.parser import Parser
from textgym.errors import ConfigError

if TYPE_CHECKING:
    from agents.evaluation.drift import Drift
    from agents.evaluation.report import Report
    from agents.evaluation.significance import Comparison


def evaluate(argv: list[str]) -> int:
    """Run ``textgym eval``."""
    rest, env_kwargs = split_settings(argv)
    arguments = _parser().parse_args(rest)
    if arguments.simulator:
        return _swap(arguments, env_kwargs)
    _check_files(arguments)

    from agents.evaluation.response_files import write_responses

    found = _find(arguments, env_kwargs)
    if arguments.report:
        found.report.save(arguments.report)
    if arguments.responses:
        write_responses(found.report, arguments.responses)
    print(json.dumps(found.to_json(), indent=1) if arguments.json else found.to_text(arguments))
    return 0


def _swap(arguments: argparse.Namespace, env_kwargs: dict[str, Any]) -> int:
    """Let the policy talk with each of the given users."""
    for name in ("against", "drift_from", "rewards", "responses", "report"):
        if getattr(arguments, name):
            raise ConfigError(
                f"--{name.replace('_', '-')} is not for dialogues: leave it out, or leave --simulator out."
            )
    decoding = "sampled" if arguments.sampled else arguments.decoding
    if decoding not in ("greedy", "sampled"):
        raise ConfigError(f"In a dialogue a policy writes 'greedy' or 'sampled', got {decoding!r}.")

    from agents.evaluation.swap import swap_test

    subject = find_subject(arguments.policy, arguments.env)
    report = swap_test(
        subject.policy,
        subject.env,
        arguments.simulator,
        split=arguments.split,
        num_samples=arguments.num_samples,
        deterministic=decoding == "greedy",
        seed=arguments.seed,
        **(subject.env_kwargs | env_kwargs),
    )
    print(json.dumps(report.to_json(), indent=1) if arguments.json else report.to_text())
    return 0


class _Findings(NamedTuple):
    """What there is to tell: of the policy, of the other one, of both together, and how far it is from another."""

    report: Report
    against: Report | None
    comparison: Comparison | None
    drift: Drift | None

    def to_json(self) -> dict[str, Any]:
        found = {name: part for name, part in self._asdict().items() if part is not None and name != "report"}
        return self.report.to_json() | {name: part.to_json() for name, part in found.items()}

    def to_text(self, arguments: argparse.Namespace) -> str:
        from agents.evaluation.summary import differences, drift_lines, pool_table, report_table, signatures

        report = self.report
        count = f"{len(report.responses):,} samples of {report.env_id}, split {report.split!r}"
        parts = [f"{count}; 95% bootstrap intervals", report_table({arguments.policy: report})]
        parts += [pool_table(report)] if report.pool else []
        parts += [report_table({arguments.against: self.against})] if self.against else []
        parts += [differences(self.comparison)] if self.comparison else []
        parts += [drift_lines(self.drift)] if self.drift else []
        return "\n\n".join([*parts, signatures(report.scores)])


def _parser() -> Parser:
    parser = Parser(
        "eval",
        "Let a policy answer each held-out sample once, and score the responses. Arguments of the environment are "
        "given as --env_kwargs.KEY VALUE; a run knows its own.",
    )
    add = parser.add_argument
    add("policy", help="a run folder, a checkpoint, or a Hugging Face folder or hub name")
    add("--against", metavar="OTHER", help="compare with another one, or with a report that --report wrote (.json)")
    add("--drift-from", metavar="OTHER", help="also measure entropy, and KL divergence from another policy, in nats")
    add("--env", help="the environment; a run knows its own")
    add("--simulator", action="append", help="for a dialogue: the user, such as 'rule(noise=0.2)'; several to compare")
    add("--split", default="test", help="which samples (default: test)")
    add("--rewards", help="metrics, such as bleu,chrf (default: the environment's own reward)")
    add(
        "--decoding",
        default="greedy",
        help="greedy (default), sampled, 'beam(num_beams=4)', \"best_of(n=8, reward='chrf')\"",
    )
    add("--sampled", action="store_true", help="short for --decoding sampled")
    add("--num-samples", type=int, help="only the first so many")
    add("--seed", type=int, default=0, help="of sampling and of the bootstrap (default: 0)")
    add("--responses", metavar="FILE", help="write every response to FILE.csv or FILE.jsonl")
    add("--report", metavar="FILE.json", help="write the report with every response, to compare with later")
    add("--json", action="store_true", help="print JSON")
    return parser


@dataclass(frozen=True)
class _Settings:
    """What a command line gives beside its flags.

    Attributes:
        env_kwargs: Arguments of the environment.
    """

    env_kwargs: dict[str, Any] = field(default_factory=dict)


def split_settings(argv: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the arguments without ``--env_kwargs...``, and what those give.

    Raises:
        ConfigError: A value cannot be read, or sets what the evaluation sets itself.
    """
    rest, others, overrides = list(argv), [], []
    while rest:
        if rest[0].replace("-", "_").partition("=")[0].partition(".")[0] == "__env_kwargs":
            overrides.append(take(rest, "eval"))
        else:
            others.append(rest.pop(0))
    env_kwargs = read_config(_Settings, overrides=overrides).env_kwargs
    for name in env_kwargs.keys() & MANAGED.keys():
        instead = "use --split" if name == "split" else "leave it out"
        raise ConfigError(f"env_kwargs.{name} is not for an evaluation, which sets it itself: {instead}.")
    return others, env_kwargs


def _check_files(arguments: argparse.Namespace) -> None:
    """Refuse what cannot be written or told apart before the evaluation takes its time."""
    from agents.evaluation.response_files import check_responses_path, check_writable

    if arguments.sampled and arguments.decoding != "greedy":
        raise ConfigError("--sampled is short for --decoding sampled: give one of them.")
    if arguments.responses:
        check_responses_path(arguments.responses)
    if arguments.report:
        if Path(arguments.report).suffix != ".json":
            raise ConfigError(f"A report is written to a file that ends with .json, got {arguments.report!r}.")
        check_writable(arguments.report)


def _find(arguments: argparse.Namespace, env_kwargs: dict[str, Any]) -> _Findings:
    report = _report(arguments, arguments.policy, arguments.env, env_kwargs)
    against = comparison = drift = None
    if arguments.against:
        from agents.evaluation.significance import compare

        against = _against(arguments, report, env_kwargs)
        comparison = compare(report, against, seed=arguments.seed)
    if arguments.drift_from:
        from agents.evaluation.drift import measure_drift

        subject, origin = (find_subject(name, report.env_id) for name in (arguments.policy, arguments.drift_from))
        common = _common(arguments) | subject.env_kwargs | env_kwargs
        drift = measure_drift(subject.policy, origin.policy, subject.env, **common)
    return _Findings(report, against, comparison, drift)


def _report(arguments: argparse.Namespace, name: str, env: str | None, env_kwargs: dict[str, Any]) -> Report:
    from agents.evaluation.evaluate import evaluate as evaluate_policy

    subject = find_subject(name, env)
    rewards = split_metrics(arguments.rewards) if arguments.rewards else None
    return evaluate_policy(
        subject.policy, subject.env, rewards, **(_common(arguments) | subject.env_kwargs | env_kwargs)
    )


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what every evaluation of a command line has in common."""
    decoding = "sampled" if arguments.sampled else arguments.decoding
    names = ("split", "num_samples", "seed")
    return {name: getattr(arguments, name) for name in names} | {"decoding": decoding}


def _against(arguments: argparse.Namespace, report: Report, env_kwargs: dict[str, Any]) -> Report:
    """Return the report of the other policy, evaluated in the same way or read from a file."""
    from agents.evaluation.report import Report

    path = Path(arguments.against).expanduser()
    return Report.load(path) if path.suffix == ".json" else _report(arguments, str(path), report.env_id, env_kwargs)


class Subject(NamedTuple):
    """What ``textgym eval`` evaluates, and where."""

    policy: str
    env: str
    env_kwargs: dict[str, Any]


def find_subject(name: str, env: str | None) -> Subject:
    """Return the policy that a folder or name stands for, and its environment; ``env`` replaces that of a run.

    Raises:
        ConfigError: There is no such folder, or nothing tells the environment.
    """
    path = Path(name).expanduser()
    for folder in (path, *path.resolve().parents[1:4]):  # checkpoints stand two levels below a run, or four
        is_inside = folder == path or path.resolve().is_relative_to(folder / "checkpoints")
        if is_inside and (folder / "config.yaml").is_file():
            run = RunFolder(folder)
            config = run.config()
            kwargs = config.env_kwargs if env in (None, config.env) else {}
            return Subject(str(run.last_checkpoint() if folder == path else path), env or config.env, kwargs)
    if env is None:
        raise ConfigError(f"{name} is not a run folder or a checkpoint in one: name the environment with --env.")
    return Subject(str(path) if path.exists() else name, env, {})
