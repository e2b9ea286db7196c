"""The command ``textgym``: finds the verb and turns what goes wrong into a line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import NoReturn

from gymnasium.error import Error as GymnasiumError

from textgym.errors import ConfigError, MissingExtraError, TextGymError, did_you_mean
from textgym.permissions import import_here, permit

Command = Callable[[list[str]], int]

GROUP = "textgym.commands"
PLUGIN = "--plugin"
CORE = {
    "list": "textgym.cli.listing:list_names",
    "info": "textgym.cli.info:info",
    "score": "textgym.cli.scoring:score",
    "check": "textgym.cli.checking:check",
    "export": "textgym.cli.exporting:export",
    "doctor": "textgym.cli.doctor:doctor",
}
# what each verb of this distribution does, told here so that help need not import a learner
SUMMARIES = {
    "list": "environments, tasks and rewards",
    "info": "the card of an environment or a task: samples, lengths, licence, published results",
    "score": "score lines of text by the metrics that environments pay, compare systems",
    "check": "whether an environment keeps its contracts; what a reward pays for cheap tricks",
    "export": "the samples of a task as JSON lines",
    "doctor": "versions, what is missing, plug-ins that do not work",
    "train": "teach a policy: warm start, reinforcement, comparison",
    "plan": "how much memory a run will take, and the largest batches that fit",
    "eval": "score a run, a checkpoint or a model folder on held-out samples",
    "train-scorer": "a learned reward from people's judgments",
    "demo": "watch a small transformer learn to translate, four minutes on two CPU cores",
}
USER_ERROR, INTERRUPTED, BROKEN_PIPE, TERMINATED = 2, 130, 141, 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code of the process.

    0: done. 2: a user's mistake, told in one line on standard error. 130: interrupted. 143: terminated.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (TextGymError, GymnasiumError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # the reader has gone: point standard output elsewhere, so that the interpreter's last flush is silent too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    finally:
        signal.signal(signal.SIGTERM, before)
    return code


def _run(arguments: list[str]) -> int:
    permit(*arguments)  # what is written on the command line was written by the person who runs it
    while arguments[:1] == [PLUGIN]:
        _take_plugin(arguments)
    verb = arguments[0] if arguments else "--help"
    if verb in ("--help", "-h", "help"):
        print(overview())
        return 0
    if verb == "--version":
        from textgym import __version__

        print(f"textgym {__version__}")
        return 0
    return find_command(verb)(arguments[1:])


def _take_plugin(arguments: list[str]) -> None:
    """Take ``--plugin NAME`` off the arguments; a module is imported, so that it registers what it has.

    Anything else, such as ``module:function`` or a command, is permitted by standing there.
    """
    if len(arguments) < 2:
        raise ConfigError(f"{PLUGIN} needs the name of a module: textgym {PLUGIN} my_rewards VERB ...")
    name = arguments[1]
    del arguments[:2]
    if all(part.isidentifier() for part in name.split(".")):
        import_here(name)


def overview() -> str:
    """Return the help: every verb in a line."""
    known = verbs()
    width = max(map(len, known))
    lines = [f"  {verb:<{width}}  {SUMMARIES.get(verb, f'from {source}')}" for verb, source in known.items()]
    return "\n".join(
        [
            "usage: textgym [--plugin MODULE] VERB [ARGUMENTS]   (textgym VERB --help tells more; textgym --version)",
            "",
            *lines,
        ]
    )


def verbs() -> dict[str, str]:
    """Return every verb and where it is defined, those of installed packages included."""
    return CORE | {point.name: point.value for point in sorted(entry_points(group=GROUP)) if point.name not in CORE}


def find_command(verb: str) -> Command:
    """Return the function of a verb.

    Raises:
        ConfigError: There is no such verb; the nearest one is told.
        MissingExtraError: The verb needs packages that are not installed.
    """
    if verb in CORE:
        module, _, name = CORE[verb].partition(":")
        command: Command = getattr(import_module(module), name)
        return command
    points = tuple(entry_points(group=GROUP, name=verb))
    if not points:
        raise ConfigError(f"There is no verb {verb!r}. {did_you_mean(verb, verbs())}")
    return _load(points[0])


def _load(point: EntryPoint) -> Command:
    """Import a verb of another package; when a package that it needs is missing, say how to get it."""
    own = point.module.partition(".")[0]
    try:
        command: Command = point.load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == own:
            raise ConfigError(
                f"The verb {point.name!r} is {point.value}, and the package {own!r} that Python finds is another one "
                "(openai-agents is imported as 'agents' too): install textgym in an environment of its own."
            ) from error
        raise MissingExtraError(missing, "agents", f"The verb {point.name!r}") from error
    return command


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End through the usual way out, so that child processes and files are closed."""
    raise SystemExit(TERMINATED)
