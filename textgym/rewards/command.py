"""A reward that a program gives.

A metric whose package cannot be installed beside this one, such as COMET, is a program of its own environment. In
outline::

    # comet_score.py, for comet/bin/python
    import json, sys, comet
    model = comet.load_from_checkpoint(comet.download_model("Unbabel/wmt22-comet-da"))
    for line in sys.stdin:
        q = json.loads(line)
        rows = zip(q["prompts"], q["responses"], q["references"])
        data = [{"src": s, "mt": t, "ref": r[0]} for s, t, r in rows]
        print(json.dumps({"scores": model.predict(data, gpus=0).scores}), flush=True)

    reward = CommandReward(["comet/bin/python", "comet_score.py"], name="comet", bounds=(-1, 2), timeout=600)

What a library prints must go to standard error. BLEURT is the same with ``bleurt.score.BleurtScorer``; a server does
with the body of a POST what this does with a line (:class:`~textgym.rewards.http.HttpReward`).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from textgym.errors import ConfigError
from textgym.permissions import require_permission
from textgym.registration import refuse_unknown, rewards
from textgym.rewards.outside import OutsideReward
from textgym.rewards.program import Program


class CommandReward(OutsideReward):
    """Asks a program, which reads questions and writes answers (:mod:`textgym.rewards.outside`), one a line.

    The program is started at the first question, stays, and must flush after each line. One that does not answer in
    time is killed with all that it started, one that dies is started again. It may be of any language and in any
    environment: ``CommandReward(["comet/bin/python", "score.py"])``. With several ``workers`` as many programs run.

    As text, ``command(command='python score.py')``, it works only where the command was permitted
    (:mod:`textgym.permissions`).

    Args:
        command: The program and its arguments, as a list or as one string; no shell reads it.
        options: As for :class:`~textgym.rewards.outside.OutsideReward`.
    """

    def __init__(self, command: str | Sequence[str], **options: Any) -> None:
        refuse_unknown("The reward 'command'", options, OutsideReward)
        super().__init__(**{"name": "command", **options})
        self.command = _split(command)
        self._idle: list[Program] = []
        self._ended = 0  # programs that failed and were not replaced yet

    def ask(self, question: bytes, timeout: float) -> bytes:
        """Return the line that a program answers."""
        with self._lock:
            program = self._idle.pop() if self._idle else None
        program = program or self._started()
        try:
            answer = program.ask(question, timeout)
        except BaseException:
            program.close()
            with self._lock:
                self._ended += 1
            raise
        with self._lock:
            self._idle.append(program)
        return answer

    def _started(self) -> Program:
        program = Program(self.command)
        with self._lock:
            respawned, self._ended = self._ended > 0, max(0, self._ended - 1)
        self.count_fault("respawns", int(respawned))
        return program

    def close(self) -> None:
        """End the programs; the next question starts one again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for program in idle:
            program.close()

    def __repr__(self) -> str:
        return f"CommandReward({self.command!r}, bounds={self.bounds!r})"

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_idle": [], "_ended": 0}


@rewards.register("command")
def command_reward(command: str, **options: Any) -> CommandReward:
    """A program's scores: ``command(command='python score.py')``; see CommandReward for the options."""
    require_permission(command, "start a program", "pass CommandReward(command)")
    return CommandReward(command, **options)


def _split(command: Any) -> list[str]:
    try:
        parts = shlex.split(command) if isinstance(command, str) else list(command)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"The command of a reward cannot be read: {error}, got {command!r}.") from error
    if not parts or not all(isinstance(part, str) and "\0" not in part for part in parts):
        raise ConfigError(f"The command of a reward is a program and its arguments, got {command!r}.")
    return parts
