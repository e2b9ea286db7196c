"""``textgym train`` and ``textgym demo``: a run from a preset, files and single keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agents.commands.settings import SETTING, take
from agents.config.config_reader import keys, read_config, type_name
from agents.config.run_config import RunConfig
from agents.config.yaml_text import to_yaml
from agents.runs.run_folder import RunFolder
from textgym.cli.parser import Parser
from textgym.errors import ConfigError, did_you_mean

PRESETS = Path(__file__).parents[1] / "presets"

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
    if rest and not rest[0].startswith("-") and not SETTING.match(rest[0]):
        overrides.append(("env", rest.pop(0)))
    while rest:
        name, value = take(rest, "train")
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


def _train(config: RunConfig) -> None:
    from agents.train import train

    train(config)


def _resume(path: Path, config: RunConfig, allow_data_change: bool) -> None:
    from agents.train import resume

    resume(path, config, allow_data_change=allow_data_change)
