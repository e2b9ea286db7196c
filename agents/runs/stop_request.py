"""The wish that a run should stop: Ctrl-C and its kin, kept until that costs nothing."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from agents.parallel.processes import current

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Keeps the first signal that asks to stop, in a ``with`` block, until :meth:`obey` or the end of the block.

    Then the signal does what it would have done without the block: by default, Ctrl-C raises ``KeyboardInterrupt`` and
    SIGTERM ends the process. A second signal does that at once. Signals that are ignored stay ignored, and where
    signals cannot be handled, outside of the main thread, the block does nothing.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            handled = [number for number in SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
            self._before = {number: signal.signal(number, self._keep) for number in handled}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        if kind is None:
            self.agree()
            self.obey()

    def agree(self) -> None:
        """Let all processes that learn together know of a signal that one of them has got."""
        self.number = int(current().largest(self.number or 0)) or None

    def __bool__(self) -> bool:
        return self.number is not None

    def obey(self) -> None:
        """Let the signal that was kept, if there is one, do what it does outside of the block."""
        if self.number is not None:
            self._give_back()  # where another process got the signal, it is still handled here
            number, self.number = self.number, None
            signal.raise_signal(number)

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._give_back()
        told = (
            f"\n{signal.Signals(number).name}: stopping after this update, when it is saved; again: stopping at once\n"
        )
        os.write(2, told.encode())  # print() might be in the middle of printing

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
