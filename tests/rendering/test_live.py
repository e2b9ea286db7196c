"""The render mode "human": episodes in a terminal while they are played."""

import io
import os
import pty
import re
import sys
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

from tests.rendering.texts import Tty
from tests.tiny import EOS
from textgym.rendering import LiveEpisode, LiveLanes, View, terminal
from textgym.rendering.terminal import clipped

COLOURS = re.compile(r"\x1b\[[\d;]*m")
IDS = {char: i for i, char in enumerate("abcdefgh ")}


@pytest.fixture
def screen(monkeypatch):
    """A terminal of 40 columns that shows colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    tty = Tty()
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdout=tty))  # pytest replaces stdout itself after this
    return tty


def play(env, text="ca"):
    env.reset(options={"index": 0})
    for char in text:
        env.step(IDS[char])
    env.step(EOS)


EPISODE = """\
prompt:    abc
reference: cab
reference: bca
response:  ca
reward:    0.6667 (ended)
"""


def test_an_episode_appears_piece_by_piece(screen):
    env = gym.make("tests/Tiny-v0", render_mode="human").unwrapped
    env.reset(options={"index": 0})
    shown = [COLOURS.sub("", screen.getvalue())]
    for char in "ca":
        env.step(IDS[char])
        shown.append(COLOURS.sub("", screen.getvalue()))
    assert [text[-1] for text in shown] == [" ", "c", "a"]
    env.step(EOS)
    assert COLOURS.sub("", screen.getvalue()) == EPISODE
    assert env.render() is None
    play(env)
    assert COLOURS.sub("", screen.getvalue()) == EPISODE * 2


def test_pieces_that_are_paid_for_are_green_and_those_that_cost_are_red(screen):
    env = gym.make("tests/Tiny-v0", shaping="potential", render_mode="human")
    env.reset(options={"index": 0})
    env.step(IDS["c"])
    env.step(IDS["h"])
    env.step(IDS["c"])
    assert "\x1b[1;32mc\x1b[0m\x1b[1;31mh\x1b[0m\x1b[1mc\x1b[0m" in screen.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_it_is_refused(screen, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    play(gym.make("tests/Tiny-v0", render_mode="human"))
    assert screen.getvalue() == EPISODE


def test_an_empty_no_color_refuses_nothing(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    play(gym.make("tests/Tiny-v0", render_mode="human"))
    assert "\x1b[" in screen.getvalue()


def test_a_file_gets_no_codes(capsys):
    play(gym.make("tests/Tiny-v0", render_mode="human"))
    assert capsys.readouterr().out == EPISODE


def test_a_real_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    with open(slave, "w") as tty:
        monkeypatch.setattr(sys, "stdout", tty)
        play(gym.make("tests/Tiny-v0", render_mode="human"))
        shown = ""
        while "ended" not in shown:
            shown += os.read(master, 10_000).decode()
    os.close(master)
    assert COLOURS.sub("", shown).replace("\r\n", "\n") == EPISODE
    assert COLOURS.search(shown)


def test_an_episode_that_is_left_and_one_that_is_closed_end_their_lines(screen):
    env = gym.make("tests/Tiny-v0", render_mode="human")
    env.reset(options={"index": 1})
    env.step(0)
    env.reset(options={"index": 1})
    env.close()
    env.close()
    head = "prompt:    h\nreference: a\nresponse:  "
    assert COLOURS.sub("", screen.getvalue()) == f"{head}a\n{head}\n"


def test_a_draft_that_changes_is_shown_anew_and_turns_of_others_in_between(screen):
    live = LiveEpisode()
    for text in ("the cat", "the cats", "a cats"):
        live.show(View("p", text, label="draft"))
    live.show(View("p", "", turns=[("agent", "a cats"), ("user", "really?")], label="agent"))
    live.show(View("p", "yes", turns=[("agent", "a cats"), ("user", "really?")], ended=True, label="agent"))
    assert COLOURS.sub("", screen.getvalue()).splitlines() == [
        "prompt:    p",
        "draft:     the cats",
        "draft:     a cats",
        "user:      really?",
        "agent:     yes",
        "reward:    0.0000 (ended)",
    ]


# --- streams that are broken -----------------------------------------------------------------------------------------


class Broken(Tty):
    """A pipe whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError


def closed(kind=Tty):
    stream = kind()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed(), closed(io.StringIO), Broken()], ids=["none", "tty", "file", "pipe"])
def test_e10_a_closed_stream_does_not_crash(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    single, lanes = (
        gym.make("tests/Tiny-v0", render_mode="human"),
        gym.make_vec("tests/Tiny-v0", num_envs=2, render_mode="human"),
    )
    play(single)
    lanes.reset(seed=0)
    lanes.step(np.array([EOS, 0]))
    for env in (single, lanes):
        assert env.render() is None
        env.close()


def test_e10_an_encoding_without_the_letters_does_not_crash(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    LiveEpisode().show(View("Käse 漢", "ü"))
    assert raw.getvalue() == b"prompt:    K\\xe4se \\u6f22\nresponse:  \\xfc"


@pytest.mark.parametrize("columns", ["0", "1", "-3", "5", "x"])
def test_e10_any_width_works(screen, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lanes = gym.make_vec("tests/Tiny-v0", num_envs=3, render_mode="human")
    lanes.reset(seed=0)
    lanes.step(np.array([EOS, 0, 1]))
    play(gym.make("tests/Tiny-v0", render_mode="human"))


# --- many lanes ------------------------------------------------------------------------------------------------------


def lines_of(screen):
    """The last drawing, as a terminal shows it."""
    return COLOURS.sub("", screen.getvalue().rpartition("A\x1b[2K")[2]).replace("\x1b[2K", "").splitlines()


def test_lanes_are_lines_that_stay_where_they_are(screen):
    env = gym.make_vec("tests/Tiny-v0", num_envs=3, render_mode="human")
    env.reset(options={"index": [0, 1, 2]})
    env.step(np.array([IDS["c"], IDS["h"], IDS["d"]]))
    env.step(np.array([EOS, IDS["h"], IDS["e"]]))
    assert lines_of(screen) == ["  0   0.3333 c", "  1   0.0000 hh", "  2   0.0000 de"]
    assert screen.getvalue().count("\x1b[3A") == 2


def test_more_lanes_than_lines_are_counted(screen):
    env = gym.make_vec("tests/Tiny-v0", num_envs=30, render_mode="human")
    env.reset(seed=0)
    env.step(np.zeros(30, int))
    assert len(lines_of(screen)) == 9
    assert lines_of(screen)[-1] == "and 22 more"


def test_no_line_of_a_lane_is_wider_than_the_terminal(screen):
    LiveLanes().show([View("p", "x" * 100), View("p", "漢" * 100)])
    for line in COLOURS.sub("", screen.getvalue()).replace("\x1b[2K", "").splitlines():
        assert sum(2 if char == "漢" else 1 for char in line) in (38, 39)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_elsewhere_each_ended_episode_is_told_once(capsys, mode):
    env = gym.make_vec("tests/Tiny-v0", num_envs=2, autoreset_mode=mode, render_mode="human")
    env.reset(options={"index": [0, 1]})
    env.step(np.array([IDS["c"], EOS]))
    if mode == "Disabled":
        env.reset(options={"reset_mask": np.array([False, True])})
    env.step(np.array([EOS, 0]))
    assert capsys.readouterr().out == "  1   0.0000 \n  0   0.3333 c\n"


def test_the_end_of_a_text_is_kept():
    assert clipped("abcdef", 3) == "def"
    assert clipped("ab漢字", 3) == "字"
    assert clipped("e\u0301e\u0301", 1) == "e\u0301"
    assert clipped("abc", 0) == ""
