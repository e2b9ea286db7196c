"""No control, escape, bidi or other invisible character of any text is shown as it is, in any render mode."""

import html
import re
import sys

import gymnasium as gym
import pytest

import tests.talks
import tests.tiny  # noqa: F401  (both register environments)
from tests.rendering.texts import HARMFUL, Tty
from textgym import Sample
from textgym.rendering import LiveEpisode, LiveLanes, View, as_lines, as_page, printable

HOSTILE = "".join(HARMFUL)
OWN_CODES = re.compile(r"\x1b\[(?:\d+(?:;\d+)*m|\d+A|2K)")  # colours, lines up, clear the line


def hostile_view(**arguments):
    return View(HOSTILE, HOSTILE, [HOSTILE], turns=[(HOSTILE, HOSTILE)], label=HOSTILE, **arguments)


def harmful(text, allowed="\n"):
    return {character for character in HARMFUL if character in text} - set(allowed)


def test_the_list_of_harmful_characters_has_the_known_ones():
    assert {"\x1b", "\x07", "\x9b", "\r", "\b", "\x7f", "\u202e", "\u2066", "\u200f", "\ud800"} <= set(HARMFUL)
    assert len(HARMFUL) > 2048


def test_every_character_of_unicode_is_shown_as_itself_or_as_an_escape_that_tells_it():
    for code in (*range(0x3000), *map(ord, HARMFUL), *range(0x3000, sys.maxunicode + 1, 37)):
        shown = printable(f"a{chr(code)}b")
        assert shown.isprintable()
        assert shown[1:-1] in (chr(code), chr(code).encode("unicode_escape").decode())


def test_lines_and_pages_hold_no_harmful_character():
    view = hostile_view()
    assert harmful(as_lines(view)) == set()
    assert len(as_lines(view).split("\n")) == 5
    assert harmful(as_page(view)) == set()


def test_a_page_cannot_be_left_by_any_text():
    attacks = ["</dd><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;", "<!--", "]]>", "'"]
    page = as_page(View(*attacks[:2], attacks, turns=[(attacks[0], attacks[1])], label=attacks[0]))
    assert re.findall(r"<(?!/?(?:html|head|meta|title|style|body|dl|dt|dd)\b|!doctype)", page) == []
    for attack in attacks:
        assert attack in html.unescape(page)
    assert "script" not in re.sub(r"&[^;]*;", "", re.sub(r"<dd.*?</dd>|<dt.*?</dt>", "", page))


@pytest.mark.parametrize("live", [True, False])
def test_what_a_terminal_gets_has_no_codes_but_those_of_the_colours(monkeypatch, live):
    screen = Tty()
    monkeypatch.setattr(screen, "isatty", lambda: live)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.delenv("NO_COLOR", raising=False)
    episode, lanes = LiveEpisode(), LiveLanes()
    for view in (hostile_view(), View(HOSTILE, HOSTILE * 2), hostile_view(ended=True)):
        episode.show(view)
        lanes.show([view], [0])
    written = screen.getvalue()
    assert harmful(OWN_CODES.sub("", written)) == set()
    assert bool(OWN_CODES.search(written)) == live


@pytest.mark.parametrize("mode", ["ansi", "html"])
def test_environments_show_generated_text_escaped(mode):
    data = [Sample(HOSTILE[:200], (HOSTILE[200:300],))]
    arguments = {"data": data, "tokenizer": "byte", "max_prompt_tokens": 2000, "max_new_tokens": 600}
    arguments |= {"render_mode": mode, "reward": "exact_match"}
    single, lanes = gym.make("tests/Tiny-v0", **arguments), gym.make_vec("tests/Tiny-v0", num_envs=2, **arguments)
    single.reset()
    lanes.reset()
    for byte in "".join(HARMFUL[:170]).encode("utf-8", "replace"):
        single.step(byte)
        lanes.step([byte, byte])
    for shown in (single.render(), *lanes.render()):
        assert harmful(shown) == set()
        assert r"\x1b" in shown
