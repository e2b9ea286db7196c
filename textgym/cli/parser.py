"""The argument parser of the verbs, whose mistakes are told like all others."""

from __future__ import annotations

import argparse
from typing import NoReturn

from textgym.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """Arguments of one verb; a wrong one raises ConfigError.

    Args:
        verb: What stands after ``textgym``.
        description: What the verb does.
    """

    def __init__(self, verb: str, description: str) -> None:
        super().__init__(prog=f"textgym {verb}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(f"{message}: see {self.prog} --help.")
