"""The verbs of the command line that need a learner: ``textgym train``, ``textgym eval`` and ``textgym demo``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.config import RunConfig
from agents.config_reader import keys, read_config, type_name
from agents.run_folder import RunFolder
from agents.yaml_text import to_yaml
from textgym.cli.parser import Parser
from textgym.errors import ConfigError, did_you_mean

PRESETS = Path(__file__).parent / "presets"

TRAIN_USAGE = """usage: textgym train [ENV] [--preset NAME] [--config FILE.yaml] [--KEY VALUE ...] [--print_config]
       textgym train --resume RUN_FOLDER [--allow-data-change]

Teach a policy: a supervised warm start, then reinforcement, then a comparison on held-out samples.
Later settings win: defaults, the preset, files, then single keys such as --warm_start.learning_rate 3e-4.
A run that was interrupted, at whatever moment, goes on with --resume, on the CPU to the same last bit. It keeps its
settings; of them, only those of checkpoints may be given anew (and, not to the last bit, threads and device).

presets: {presets}

keys:
{keys}"""


def train(argv: list[str]) -> int:
    """Run ``textgym train``."""
    if "--help" in argv or "-h" in argv:
        print(train_help())
        return 0
    request = parse_train(argv)
    stored = [] if request.resume is None else [RunFolder.open(request.resume).path / "config.yaml"]
    config = read_config(RunConfig, [*stored, *request.files], request.overrides)
    if request.print_config:
        print(to_yaml(config.to_dict()), end="")
    elif request.resume is not None:
        _resume(request.resume, config, request.allow_data_change)
    else:
        _train(config)
    return 0


def demo(argv: list[str]) -> int:
    """Run ``textgym demo``: train with the preset of that name."""
    parser = Parser("demo", "Teach a small transformer to translate: about four minutes on two CPU cores.")
    parser.add_argument("--seed", default="0", help="of weights, sampling and the order of samples (default: 0)")
    parser.add_argument("--constant-reward", action="store_true", help="the control: pay every response alike")
    parser.add_argument("--run-folder", help="where everything is written (default: a new folder in runs/)")
    arguments = parser.parse_args(argv)
    overrides = [("seed", arguments.seed)]
    overrides += [("reinforcement.constant_reward", "true")] if arguments.constant_reward else []
    overrides += [("run_folder", arguments.run_folder)] if arguments.run_folder else []
    _train(read_config(RunConfig, [preset("demo")], overrides))
    return 0


def evaluate(argv: list[str]) -> int:
    """Run ``textgym eval``: score a run, a checkpoint or a Hugging Face folder on held-out samples."""
    parser = Parser("eval", "Let a policy answer each held-out sample once, and score the responses.")
    parser.add_argument("policy", help="a run folder, a checkpoint, or a Hugging Face folder or hub name")
    parser.add_argument("--env", help="the environment; a run knows its own")
    parser.add_argument("--split", default="test", help="which samples (default: test)")
    parser.add_argument("--rewards", help="metrics, such as bleu,chrf (default: the environment's own reward)")
    parser.add_argument("--sampled", action="store_true", help="sample; otherwise the likeliest tokens are taken")
    parser.add_argument("--num-samples", type=int, help="only the first so many")
    parser.add_argument("--seed", type=int, default=0, help="of sampling and of the bootstrap (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    subject = find_subject(arguments.policy, arguments.env)

    from agents.evaluation import evaluate as evaluate_policy
    from agents.summary import report_table, signatures

    report = evaluate_policy(
        subject.policy,
        subject.env,
        split_rewards(arguments.rewards) if arguments.rewards else None,
        split=arguments.split,
        num_samples=arguments.num_samples,
        deterministic=not arguments.sampled,
        seed=arguments.seed,
        **subject.env_kwargs,
    )
    if arguments.json:
        print(json.dumps(report.to_json(), indent=1))
        return 0
    print(f"{len(report.responses):,} samples of {report.env_id}, split {report.split!r}; 95% bootstrap intervals\n")
    print(report_table({arguments.policy: report}))
    print(f"\n{signatures(report.scores)}")
    return 0


class TrainRequest(NamedTuple):
    """What a command line of ``textgym train`` asks for."""

    files: list[Path]
    overrides: list[tuple[str, str]]
    print_config: bool = False
    resume: Path | None = None
    allow_data_change: bool = False


def parse_train(argv: Sequence[str]) -> TrainRequest:
    """Return the files, in the order of their layers, and the keys that a command line gives.

    Raises:
        ConfigError: An argument is no ``--key value``.
    """
    presets: list[Path] = []
    files: list[Path] = []
    overrides: list[tuple[str, str]] = []
    flags: dict[str, Any] = {}
    rest = list(argv)
    if rest and not rest[0].startswith("-"):
        overrides.append(("env", rest.pop(0)))
    while rest:
        name, value = _take(rest)
        if name == "preset":
            presets.append(preset(value))
        elif name == "config":
            files.append(Path(value))
        elif name == "resume":
            flags[name] = Path(value).expanduser()
        elif name in ("print_config", "allow_data_change"):
            flags[name] = True
        else:
            overrides.append((name, value))
    if "allow_data_change" in flags and "resume" not in flags:
        raise ConfigError("--allow-data-change is for a run that goes on: give --resume RUN_FOLDER too.")
    return TrainRequest([*presets, *files], overrides, **flags)


def preset(name: str) -> Path:
    """Return the file of a preset.

    Raises:
        ConfigError: There is no such preset; the nearest one is told.
    """
    path = PRESETS / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(f"Unknown preset {name!r}. {did_you_mean(name, preset_names())}")
    return path


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def train_help() -> str:
    """Return the help of ``textgym train``, with every key, its type, its default and its meaning."""
    lines = []
    for key in keys(RunConfig):
        default = "" if key.name == "env" else f" (default: {json.dumps(key.default)})"
        lines.append(f"  --{key.name}: {type_name(key.kind)}{default}\n      {key.text}")
    return TRAIN_USAGE.format(presets=", ".join(preset_names()), keys="\n".join(lines))


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


def split_rewards(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets: ``bleu(tokenize='intl', lowercase=True),chrf`` is two."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _train(config: RunConfig) -> None:
    from agents.train import train

    train(config)


def _resume(path: Path, config: RunConfig, allow_data_change: bool) -> None:
    from agents.train import resume

    resume(path, config, allow_data_change=allow_data_change)


def _take(rest: list[str]) -> tuple[str, str]:
    """Take ``--key value``, ``--key=value`` or ``--flag`` off the arguments; a flag is true."""
    argument = rest.pop(0)
    if not argument.startswith("--") or argument == "--":
        raise ConfigError(f"Settings are given as --key value, got {argument!r}: see textgym train --help.")
    name, equals, value = argument[2:].partition("=")
    if not equals:
        value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
    return name.replace("-", "_"), value
