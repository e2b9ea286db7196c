"""What texts may reach: a name in a file can never import a module, start a program or call another machine.

A specification of a reward is text, and texts come from downloaded runs too. Those that would import a module
(``module:function``), start a program or call a host other than this one work only where the person at the keyboard
wrote them: on the command line, or through :func:`permit`. Code may always hand over the function or the object itself.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from typing import Any

from textgym.errors import ConfigError

_permitted: list[str] = []


def permit(*texts: str) -> None:
    """Allow what is written in ``texts``: ``permit("my_rewards:politeness", "https://judge.example/score")``."""
    _permitted.extend(texts)


def permitted() -> list[str]:
    """Return the texts that were permitted, for a process that is started in this one's name."""
    return list(_permitted)


def require_permission(text: str, would: str, instead: str) -> None:
    """Refuse ``text`` unless it stands, as a whole, in something that was permitted.

    Args:
        text: A path, command or address.
        would: What it would do, for the message.
        instead: What code can do without permission.

    Raises:
        ConfigError: Nobody permitted it.
    """
    whole = re.compile(rf"(?<![\w.:/]){re.escape(text)}(?![\w.:/])")
    if not any(whole.search(one) for one in _permitted):
        raise ConfigError(
            f"The reward {text!r} would {would}, and a text may do that only where you wrote it yourself: on the "
            f"command line, as in textgym --plugin {text!r} VERB ...; in code, {instead}, or call "
            f"textgym.permit({text!r}) first."
        )


def import_here(module: str) -> Any:
    """Return a module, which may lie in the working folder, as the command's own path leaves that out.

    Raises:
        ConfigError: It fails to import.
    """
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"The module {module!r} cannot be imported: {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(folder)
