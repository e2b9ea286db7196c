"""``textgym train-scorer``: a learned reward from people's judgments."""

from __future__ import annotations

import json
from pathlib import Path

from agents.commands.settings import take
from agents.config.config_reader import keys, read_config, type_name
from agents.scorers.config import ScorerConfig
from agents.scorers.measures import Found

USAGE = """usage: textgym train-scorer DATA --out FOLDER [--target regression|classification|pairwise] [--KEY VALUE ...]
       textgym train-scorer --config FILE.yaml [--KEY VALUE ...]

Train a head on an encoder's embeddings, or the encoder too, to predict people's judgments; evaluate it on examples that
it has not seen; write scorer.json and head.safetensors. The reward is then scorer(model='FOLDER').

keys:
{keys}"""


def train_scorer(argv: list[str]) -> int:
    """Run ``textgym train-scorer``."""
    if not argv or "--help" in argv or "-h" in argv:
        print(_help())
        return 0
    files: list[Path] = []
    overrides: list[tuple[str, str]] = []
    rest = list(argv)
    if not rest[0].startswith("-"):
        overrides.append(("data", rest.pop(0)))
    flags = {key.name for key in keys(ScorerConfig) if key.kind is bool}
    while rest:
        name, value = take(rest, "train-scorer", flags)
        if name == "config":
            files.append(Path(value))
        else:
            overrides.append((name, value))
    config = read_config(ScorerConfig, files, overrides)
    from agents.scorers.train import train_scorer as train

    trained = train(config)
    sizes = ", ".join(f"{count:,} {split}" for split, count in trained.sizes.items())
    print(f"{config.target} on {config.data}: {sizes}\n\n{table(trained.held_out)}\n")
    if trained.epoch is not None:
        print(f"the encoder learned for {trained.epoch} epochs, after which validation was best\n")
    print("in gym.make and on the command line: " + json.dumps({"name": "scorer", "model": str(trained.folder)}))
    return 0


def table(held_out: Found) -> str:
    """Return the measures on the test split, with 95% bootstrap intervals, beside what a constant gets."""
    constant = held_out["constant"]
    lines = ["held-out examples     value     95% interval      a constant"]
    for name, found in held_out.items():
        if name != "constant":
            beside = f"{constant[name]:.4g}" if name in constant else "-"
            interval = f"[{found['low']:.4g}, {found['high']:.4g}]"
            lines.append(f"{name:<20}  {found['value']:<8.4g}  {interval:<16}  {beside}")
    return "\n".join(lines)


def _help() -> str:
    lines = []
    for key in keys(ScorerConfig):
        default = "" if key.name in ("data", "out") else f" (default: {json.dumps(key.default)})"
        lines.append(f"  --{key.name}: {type_name(key.kind)}{default}\n      {key.text}")
    return USAGE.format(keys="\n".join(lines))
