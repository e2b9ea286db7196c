"""Lines found in blocks are the lines that are read one by one."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgym.data import scanning
from textgym.data.scanning import find_lines
from textgym.data.text import line_number, lines

pieces = st.lists(
    st.sampled_from([b"a", b"{}", b"\n", b"\r\n", b" ", "é".encode(), b"\xff", b"long line"]), max_size=30
)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(scanning, "BLOCK", 7)


@given(content=pieces.map(b"".join), start=st.integers(0, 3), longest=st.integers(1, 12))
def test_starts_agree_with_reading_line_by_line_and_what_cannot_be_trusted_is_suspected(content, start, longest):
    file = io.BytesIO(content)
    start = min(start, len(content))
    expected = list(lines(file, start, longest))
    found = find_lines(file, start, longest, lambda data, starts, ends: data[starts] == ord(" "))
    assert found.starts.tolist() == [at for at, _, _ in expected]
    assert found.suspects.tolist() == sorted(set(found.suspects.tolist()))
    for number, (at, end, line) in enumerate(expected):
        whole = content[at:end]
        assert whole.startswith(line)
        assert len(line) <= longest + 1
        assert line_number(file, at) == content[:at].count(b"\n") + 1
        if len(whole) > longest or line[:1] == b" " or b"\xff" in whole:
            assert number in found.suspects


def test_lines_without_fault_are_not_suspected():
    found = find_lines(
        io.BytesIO(b"one\ntwo\nthree\n" * 9), 0, 100, lambda data, starts, ends: np.zeros(len(starts), bool)
    )
    assert len(found.starts) == 27
    assert not len(found.suspects)
