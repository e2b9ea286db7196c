"""Fixtures that several test modules share."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, beside the repository or at ``TEXTGYM_DATA``."""
    folder = Path(os.environ.get("TEXTGYM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder}: set TEXTGYM_DATA to its folder")
    return folder


def pytest_sessionstart() -> None:
    """Let Ctrl-C reach the tests that send it: in a shell's background job it is ignored from the start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
