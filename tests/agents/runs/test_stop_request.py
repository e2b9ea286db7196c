"""The first wish to stop waits for a good moment, the second one does not."""

import os
import signal
import subprocess
import sys

import pytest

from agents.runs.stop_request import StopRequest


@pytest.fixture(autouse=True)
def _handlers_are_given_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    after = {number: signal.getsignal(number) for number in before}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def test_the_first_signal_waits_until_it_is_obeyed(capfd):
    stop = StopRequest()
    with stop:
        signal.raise_signal(signal.SIGINT)
        assert stop
        with pytest.raises(KeyboardInterrupt):
            stop.obey()
        assert not stop
    assert "SIGINT: stopping after this update, when it is saved; again: stopping at once" in capfd.readouterr().err


def test_the_end_of_the_block_obeys():
    stop = StopRequest()
    with pytest.raises(KeyboardInterrupt), stop:
        signal.raise_signal(signal.SIGINT)
    assert not stop


def test_the_second_signal_acts_at_once():
    stop = StopRequest()
    with stop:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        stop.number = None


def test_an_error_in_the_block_is_the_error(capfd):
    def fail():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"), StopRequest():
        fail()


def test_handlers_of_others_and_ignored_signals_are_kept():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number)), signal.getsignal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop
            signal.raise_signal(signal.SIGTERM)
            assert (bool(stop), heard) == (True, [])
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGHUP, before[1])


def test_in_another_thread_the_block_does_nothing():
    code = (
        "import threading\n"
        "from agents.runs.stop_request import StopRequest\n"
        "def work():\n"
        "    with StopRequest() as stop:\n"
        "        print('worked', bool(stop))\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert result.stdout == "worked False\n"
