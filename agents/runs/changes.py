"""What has changed since a run began, and which of it forbids to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.config.run_config import RunConfig
from textgym.errors import ConfigError

FREE = ("checkpoints.", "parallel.")  # what is saved, and when, does not change what is learned
LOOSE = ("threads", "device")  # they change the order of sums, and so the last bits


def changed_settings(stored: RunConfig, config: RunConfig) -> list[str]:
    """Return what differs between two configurations and lets a run go on, if not to the last bit.

    Raises:
        ConfigError: Something else differs.
    """
    before, now = _flat(stored.to_dict()), _flat(config.to_dict())
    names = [name for name in before | now if before.get(name) != now.get(name) and not name.startswith(FREE)]
    told = {name: f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in names}
    refused = [text for name, text in told.items() if name not in LOOSE]
    if refused:
        raise ConfigError(
            f"A run goes on with the settings that it began with: {'; '.join(refused)}. Leave them out, or begin a new "
            "run."
        )
    return list(told.values())


def changed_origins(before: Mapping[str, Any], now: Mapping[str, Any], allow_data_change: bool) -> list[str]:
    """Return what differs between the manifest of a run and that of today, as far as it lets the run go on.

    Args:
        before: What the run folder's ``manifest.json`` holds.
        now: The same, made today.
        allow_data_change: Whether other data and another tokenizer let it go on too.

    Raises:
        ConfigError: The samples or the tokenizer differ.
    """
    data = _differing("data", before, now) + _differing("tokenizer", before, now)
    if data and not allow_data_change:
        raise ConfigError(
            f"The data has changed since the run began: {'; '.join(data)}. Restore it, begin a new run, or pass "
            "--allow-data-change to go on all the same."
        )
    return data + [
        text
        for name in ("reward", "judges", "versions", "device", "processes")
        for text in _differing(name, {"processes": 1} | dict(before), now)
    ]


def _differing(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    then, today = _flat({name: before.get(name)}), _flat({name: now.get(name)})
    keys = [key for key in then | today if then.get(key) != today.get(key)]
    return [f"{key} was {then.get(key)} and is {today.get(key)}" for key in keys]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
