"""A process that dies at its n-th change of the disk, and what it does to the disk in which order."""

import math
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import safetensors.torch

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}  # by their names as audit events


class Death(BaseException):
    """The end of the process: nothing that comes after it reaches the disk."""


class _Disk:
    """Hears of every change of the disk that Python makes; from number ``dies_at`` on there is none any more."""

    listening = False

    def hear(self, event, *arguments):
        if not self.listening or (event == "open" and not arguments[2] & WRITES):
            return
        if event == "open" or event in CHANGES or event in ("fsync", "save_file"):
            self.events.append((event, *map(str, arguments[:2])))
            if len(self.events) >= self.dies_at:
                raise Death


_disk = _Disk()
sys.addaudithook(lambda event, arguments: _disk.hear(event, *arguments))  # for ever, but silent outside of the block


@contextmanager
def disk_changes(monkeypatch, dies_at=math.inf):
    """Yield the list of changes of the disk, which grows; raise Death at the given one and at all that follow it."""
    fsync, save_file = os.fsync, safetensors.torch.save_file

    def heard_fsync(descriptor):
        _disk.hear("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def heard_save_file(tensors, path, *rest, **named):
        _disk.hear("save_file", path)
        save_file(tensors, path, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", heard_fsync)
        for module in [m for m in sys.modules.values() if vars(m).get("save_file") is save_file]:
            patch.setattr(module, "save_file", heard_save_file)
        _disk.events, _disk.dies_at, _disk.listening = [], dies_at, True
        try:
            yield _disk.events
        finally:
            _disk.listening = False


def dies_at(number, act, monkeypatch):
    """Let ``act()`` die at its n-th change of the disk, counted from 1; return whether it did, or came to its end."""
    with disk_changes(monkeypatch, number):
        try:
            act()
        except Death:
            return True
    return False
