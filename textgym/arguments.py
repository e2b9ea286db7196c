"""How the arguments of environments are checked: each function returns the value, or raises ConfigError."""

import operator
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import InvalidAction

from textgym.core import IntArray
from textgym.errors import ConfigError, did_you_mean

SNAPSHOT = ("index", "tokens", "potential", "return", "generator")  # what describes an episode in progress


def whole_number(name: str, value: Any) -> int:
    """Return an int from anything that is a whole number by type; True, 2.0 and "2" are not."""
    try:
        if not isinstance(value, (bool, np.bool_)):
            return operator.index(value)
    except TypeError:
        pass
    raise ConfigError(f"{name} must be a whole number, got {value!r} ({type(value).__name__}).")


def real_number(name: str, value: Any) -> float:
    """Return a float from any real number by type; True, None and "2" are not."""
    if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.complexfloating)):
        return float(value)
    raise ConfigError(f"{name} must be a number, got {value!r} ({type(value).__name__}).")


def whole_numbers(name: str, values: Any) -> list[int]:
    """Return a list of ints from an iterable of whole numbers."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigError(f"{name} must be a list of whole numbers, got {values!r} ({type(values).__name__}).")
    return [whole_number(f"Each of {name}", value) for value in values]


def split_sizes(**sizes: Any) -> dict[str, int]:
    """Return how many samples each split has, by its name: at least 1, and no more than a sequence can have."""
    for split, size in sizes.items():
        if whole_number(f"{split}_size", size) < 1:
            raise ConfigError(f"{split}_size must be at least 1, got {size}.")
        if size > sys.maxsize:
            raise ConfigError(f"{split}_size must be at most {sys.maxsize}, got {size}.")
    return {split: int(size) for split, size in sizes.items()}


def choice(name: str, value: Any, known: Iterable[str]) -> str:
    """Return a string that is one of ``known``."""
    if value not in (names := list(known)):
        raise ConfigError(f"{name} cannot be {value!r}. {did_you_mean(str(value), names)}")
    return str(value)


def paths_as_strings(value: Any) -> Any:
    """Return an argument with every path in it as a string, which JSON can hold."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value) is dict:
        return {key: paths_as_strings(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(item, os.PathLike) for item in value):
        return [paths_as_strings(item) for item in value]
    return value


def seed_number(seed: Any) -> int | None:
    """Return a seed for Gymnasium, which takes None or a Python int of at least 0."""
    if seed is None:
        return None
    number = whole_number("seed", seed)
    if number < 0:
        raise ConfigError(f"seed must be at least 0, got {number}.")
    return number


def lane_seeds(seed: Any, count: int) -> list[int | None]:
    """Return one seed for each lane: s, s + 1, ... from a number s, or those of a list."""
    if isinstance(seed, (list, tuple, np.ndarray)):
        if len(seed) != count:
            raise ConfigError(f"A list of seeds must have one for each of {count} lanes, got {len(seed)}.")
        return [seed_number(one) for one in seed]
    first = seed_number(seed)
    return [None if first is None else first + lane for lane in range(count)]


def lane_mask(mask: Any, count: int) -> npt.NDArray[np.bool_]:
    """Return ``options["reset_mask"]``, bool [count] with a True; None means every lane."""
    if mask is None:
        return np.ones(count, dtype=bool)
    if not isinstance(mask, np.ndarray) or mask.shape != (count,) or mask.dtype != bool or not mask.any():
        raise ConfigError(f"options['reset_mask'] must be a bool array of shape ({count},) with a True, got {mask!r}.")
    return mask


def token_id(action: Any, vocab_size: int) -> int:
    """Return the action of a single environment.

    Raises:
        InvalidAction: It is no whole number in [0, vocab_size).
    """
    try:
        token = -1 if isinstance(action, (bool, np.bool_)) else operator.index(action)
    except TypeError:
        token = -1
    if not 0 <= token < vocab_size:
        raise InvalidAction(f"An action is a token id, a whole number in [0, {vocab_size}), got {action!r}.")
    return token


def action_array(actions: Any) -> npt.NDArray[Any]:
    """Return actions as an array; of objects without a shape where NumPy makes none, as of rows that differ."""
    try:
        return np.asarray(actions)
    except ValueError:
        return np.array(None)


def token_ids(actions: Any, lanes: IntArray, count: int, vocab_size: int) -> IntArray:
    """Return the actions of ``lanes`` out of those of ``count`` lanes; the others may be anything.

    Raises:
        InvalidAction: They are no whole numbers [count], or one of ``lanes`` lies outside [0, vocab_size).
    """
    array = action_array(actions)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise InvalidAction(
            f"Actions must be whole numbers of shape ({count},), got {array.dtype} of shape {array.shape}."
        )
    tokens = array[lanes]
    outside = tokens.astype(np.uint64) >= vocab_size  # a negative number wraps to a huge one
    if outside.any():
        lane = int(lanes[outside][0])
        raise InvalidAction(f"An action is a token id in [0, {vocab_size}), got {array[lane]} in lane {lane}.")
    return tokens


def reset_options(options: Mapping[str, Any] | None, *known: str) -> dict[str, Any]:
    """Return the options of ``reset`` as a dict of one's own."""
    if options is not None and not isinstance(options, Mapping):
        raise ConfigError(f"reset() takes its options as a dict, got {options!r} ({type(options).__name__}).")
    for name in options or ():
        if name not in known:
            raise ConfigError(f"reset() has no option {name!r}: it accepts {', '.join(map(repr, known))}.")
    return dict(options or {})


def snapshot_values(snapshot: Any) -> list[Any]:
    """Return the values of an episode's snapshot in the order of SNAPSHOT."""
    missing = [key for key in SNAPSHOT if not isinstance(snapshot, Mapping) or key not in snapshot]
    if missing:
        raise ConfigError(
            f"This is no snapshot of an episode: it lacks {', '.join(missing)}. Pass what snapshot() gave."
        )
    for key in ("potential", "return"):
        real_number(key, snapshot[key])
    return [snapshot[key] for key in SNAPSHOT]


def set_generator_state(generator: np.random.Generator, state: Any) -> None:
    """Set a generator to the state of a snapshot."""
    try:
        generator.bit_generator.state = state
    except (ValueError, TypeError, KeyError) as error:
        kind = type(generator.bit_generator).__name__
        raise ConfigError(f"The snapshot's generator does not fit this environment's, a {kind}: {error}.") from error
