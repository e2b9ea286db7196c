"""``textgym plan``: how much memory a run will take, before it takes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agents.commands.settings import SETTING, take
from agents.commands.training import preset, preset_names
from agents.config.config_reader import read_config, typed
from agents.config.run_config import RunConfig
from textgym import TokenSpace
from textgym.errors import ConfigError

USAGE = """usage: textgym plan [ENV] [--preset NAME] [--config FILE.yaml] [--KEY VALUE ...] [--memory 24GB] [--json]
       textgym plan --model MODEL [--vocabulary V] [--KEY VALUE ...] [--memory 24GB] [--json]

Tell what a run will hold in memory at the peaks of its rollouts and its updates, and the largest batches that fit. The
run's own code is rehearsed with tensors that have sizes and no contents: neither the weights nor the memory are needed.
Prompts and responses are taken to be as long as they may be.

  --memory: an amount such as 24GB or 16GiB (default: all that the device has)
  --json: the same as JSON, in bytes
  --algorithm: short for --reinforcement.algorithm: PPO, A2C, RLOO or GRPO
  --batch: short for --reinforcement.options.rollout_responses: responses of a rollout
  --max_prompt_tokens, --max_new_tokens: short for those of env_kwargs (without an environment: 64 each)
  --vocabulary: without an environment, how many tokens there are (default: those that the model knows)
  --KEY VALUE: every other key of textgym train, see textgym train --help

presets: {presets}"""
SHORT = {
    "algorithm": "reinforcement.algorithm",
    "batch": "reinforcement.options.rollout_responses",
    "max_prompt_tokens": "env_kwargs.max_prompt_tokens",
    "max_new_tokens": "env_kwargs.max_new_tokens",
}
NOWHERE = ""  # the environment of a run that is planned without one
TOKENS = 64


class PlanRequest(NamedTuple):
    """What a command line of ``textgym plan`` asks for."""

    files: list[Path]
    overrides: list[tuple[str, str]]
    memory: str | None = None
    vocabulary: str | None = None
    as_json: bool = False


def plan(argv: list[str]) -> int:
    """Run ``textgym plan``."""
    if not argv or "--help" in argv or "-h" in argv:
        print(USAGE.format(presets=", ".join(preset_names())))
        return 0
    request = parse_plan(argv)
    from agents.planning.memory_size import memory_of, parse_size

    memory = None if request.memory is None else parse_size(request.memory)
    config = read_config(RunConfig, request.files, request.overrides)
    from agents.planning.configured import configured_workload
    from agents.planning.plan import make_plan
    from agents.planning.table import table

    workload = configured_workload(config, _space(config, request.vocabulary))
    made = make_plan(workload, memory_of(config.device) if memory is None else memory)
    print(json.dumps(made.to_json(), indent=1) if request.as_json else table(made))
    return 0


def parse_plan(argv: Sequence[str]) -> PlanRequest:
    """Return what a command line asks for.

    Raises:
        ConfigError: An argument is no ``--key value``.
    """
    presets: list[Path] = []
    files: list[Path] = []
    overrides: list[tuple[str, str]] = []
    own: dict[str, str] = {}
    rest = list(argv)
    if rest and not rest[0].startswith("-") and not SETTING.match(rest[0]):
        overrides.append(("env", rest.pop(0)))
    while rest:
        name, value = take(rest, "plan")
        if name == "preset":
            presets.append(preset(value))
        elif name == "config":
            files.append(Path(value))
        elif name in ("memory", "vocabulary", "json"):
            own[name] = value
        else:
            overrides.append((SHORT.get(name, name), value))
    if not files and not presets and "env" not in dict(overrides):
        overrides.insert(0, ("env", f'"{NOWHERE}"'))
    return PlanRequest([*presets, *files], overrides, own.get("memory"), own.get("vocabulary"), "json" in own)


def _space(config: RunConfig, vocabulary: str | None) -> TokenSpace | None:
    """Return the space of a plan without an environment; None where there is one."""
    if config.env != NOWHERE:
        if vocabulary is not None:
            raise ConfigError(f"--vocabulary is for a plan without an environment: {config.env} has a tokenizer.")
        return None
    from agents.planning.weightless import vocabulary_of

    unknown = sorted(config.env_kwargs.keys() - {"max_prompt_tokens", "max_new_tokens"})
    if unknown:
        raise ConfigError(
            f"env_kwargs.{unknown[0]} is for a plan with an environment: name one, as textgym train does."
        )
    if vocabulary is not None and not (vocabulary.isdecimal() and int(vocabulary)):
        raise ConfigError(f"--vocabulary must be a whole number of at least 1, got {vocabulary!r}.")
    size = vocabulary_of(config.model) if vocabulary is None else int(vocabulary)
    names = ("max_prompt_tokens", "max_new_tokens")
    P, T = (typed(int, config.env_kwargs.get(name, TOKENS), f"--{name}") for name in names)
    return TokenSpace(size, P, T, eos_id=None)
