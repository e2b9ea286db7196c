"""Errors that a user's mistake can raise; each message says what must hold, what was got, where, and what to do."""

import difflib
from collections.abc import Iterable


class TextGymError(Exception):
    """The base of all errors raised on purpose by this library."""


class ConfigError(TextGymError, ValueError):
    """An argument, name or setting that cannot work."""


class DataError(TextGymError, ValueError):
    """A file or row that cannot be read as samples."""


class RewardError(TextGymError, ValueError):
    """A reward that broke its contract: wrong count, NaN, out of bounds."""


class ModelError(TextGymError, ValueError):
    """A model folder or architecture that cannot serve as a policy."""


class CheckpointError(TextGymError, ValueError):
    """A checkpoint that is incomplete, changed, or of another kind."""


class ProcessError(TextGymError, RuntimeError):
    """One of several processes that learn together has ended, or does not do what the others do."""


class CheckError(TextGymError, AssertionError):
    """An environment that does not do what it must; what a checker finds."""


class MissingExtraError(TextGymError, ImportError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, extra: str, needed_for: str) -> None:
        super().__init__(
            f'{needed_for} needs the package {package}, which is not installed: pip install "textgym[{extra}]".'
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the nearest known name, or with all of them when none is near."""
    names = sorted(known)
    folded = {known_name.casefold(): known_name for known_name in names}  # "BLEU" is near to "bleu"
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if near:
        return f"Did you mean {folded[near[0]]!r}?"
    return f"Known: {', '.join(names)}." if names else "None is known."
