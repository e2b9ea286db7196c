import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rewards.texts import SCRIPTS, TEXTS, fuzz
from textgym.rewards.unicode_words import unicode_tokens, unicode_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop-me 3.5", ["don", "t", "stop", "me", "3", "5"]),
        ("Привет, МИР!", ["привет", "мир"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),  # the vowel signs are marks
        ("你好,世界 abc", ["你", "好", "世", "界", "abc"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("カナ한국어", ["カ", "ナ", "한국어"]),
        ("e\u0301te\u0301", ["été"]),
        ("👩\u200d🚀 ok", ["👩\u200d", "🚀", "ok"]),
        ("a_b $5 \x00c \ufeff", ["a", "b", "5", "c"]),
        ("\ud800", ["\ud800"]),
        ("\u0301", ["\u0301"]),
        ("ΟΔΟΣ ΟΔΟΣ", ["οδος"] * 2),
        ("", []),
    ],
)
def test_words_of_every_script(text, words):
    assert unicode_words(text) == [unicodedata.normalize("NFC", word) for word in words]


def test_punctuation_is_kept_where_it_is_asked_for():
    assert unicode_tokens("Don't — 5€!") == ["don", "'", "t", "—", "5", "€", "!"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_words(script):
    assert unicode_words(script)


@fuzz
@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_ascii_text_gives_the_tokens_of_rouge(text):
    assert unicode_words(text) == re.findall("[a-z0-9]+", text.lower())


@fuzz
@given(TEXTS, TEXTS)
def test_words_do_not_depend_on_their_neighbours(one, other):
    assert unicode_words(f"{one} {other}") == unicode_words(one) + unicode_words(other)
