"""What users may give as a reward, and the reward that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from numbers import Real
from typing import Any

from textgym.core import Reward
from textgym.errors import ConfigError
from textgym.permissions import import_here, require_permission
from textgym.registration import refuse_unknown, rewards
from textgym.rewards.expression import parse_expression
from textgym.rewards.function import FunctionReward
from textgym.rewards.weighted_sum import WeightedSum

PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")  # module:name, both may have dots


def make_reward(spec: Any) -> Reward:
    """Return the reward that ``spec`` stands for.

    Args:
        spec: One of
            a name or a weighted sum: ``"bleu"``, ``"0.5*bleu + 0.5*rougeL"``, ``"bleu(tokenize='intl')"``;
            a name with options: ``{"name": "bleu", "tokenize": "intl"}``;
            weights: ``{"bleu": 0.5, "rougeL": 0.5}``;
            a Reward, which is returned as it is, or its class;
            ``"module:name"`` of any of these, where :func:`textgym.permit` or the command line allowed it;
            a function ``(response, sample) -> float``.

    Raises:
        ConfigError: An unknown name or option (the nearest one is told), or a text that cannot be read.
    """
    if isinstance(spec, Reward):
        return spec
    if isinstance(spec, str):
        if PATH.fullmatch(spec.strip()):
            return _from_path(spec.strip())
        # a registered name need not be an identifier; to look for one is slow
        plain = spec.isidentifier() or (not set(spec) & set("*( ") and spec in rewards)
        return _build(spec, {}) if plain else parse_expression(spec, _build)
    if isinstance(spec, Mapping):
        return _from_mapping(spec)
    if isinstance(spec, type) and issubclass(spec, Reward):
        return _call(spec.name, spec, {})
    if callable(spec) and not isinstance(spec, type):
        return FunctionReward(spec)
    raise ConfigError(
        "A reward is a name, a weighted sum in a string, a dict, a Reward or a function (response, sample) -> float, "
        f"got {type(spec).__name__}: {spec!r:.80}."
    )


def _from_path(path: str) -> Reward:
    """Import ``module:name`` and make a reward of what is there."""
    require_permission(path, "import a module", "import it and pass the function itself")
    module, _, name = path.partition(":")
    try:
        thing = reduce(getattr, name.split("."), import_here(module))
    except AttributeError as error:
        raise ConfigError(f"The reward {path!r} cannot be found: {error}.") from error
    if not callable(thing) and not isinstance(thing, Reward):
        raise ConfigError(f"The reward {path!r} must be a function, a Reward or its class, got {thing!r:.80}.")
    return make_reward(thing)


def _from_mapping(spec: Mapping[Any, Any]) -> Reward:
    if isinstance(spec.get("name"), str):
        return _build(spec["name"], {key: value for key, value in spec.items() if key != "name"})
    if not spec or not all(isinstance(key, str) and _is_weight(weight) for key, weight in spec.items()):
        raise ConfigError(
            f"A reward given as a dict is {{'name': ..., option: value}} or {{reward: weight}}, got {dict(spec)!r:.80}."
        )
    return WeightedSum((weight, make_reward(key)) for key, weight in spec.items())


def _is_weight(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _build(name: str, options: Mapping[str, Any]) -> Reward:
    factory = rewards[name]
    refuse_unknown(f"The reward {name!r}", options, factory)
    return _call(name, factory, options)


def _call(name: str, factory: Callable[..., Reward], options: Mapping[str, Any]) -> Reward:
    try:
        return factory(**options)
    except TypeError as error:
        raise ConfigError(f"The reward {name!r} cannot be made with {dict(options)}: {error}.") from error
