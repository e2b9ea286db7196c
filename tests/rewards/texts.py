"""Awkward texts, and what a model might write, for the tests of rewards."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st

fuzz = settings(deadline=None, derandomize=True, max_examples=150)

SCRIPTS = (
    "abc XYZ",
    "éüß çñ",
    "привет МИР",
    "αβγ ΣΟΦΟΣ",
    "שלום",
    "مرحبا",
    "नमस्ते",
    "สวัสดี",
    "你好世界",
    "こんにちは カナ",
    "안녕하세요",
    "ქართული",
    "ሰላም",
)
PIECES = (
    *(word for script in SCRIPTS for word in script.split()),
    *(
        "the",
        "the",
        "cat",
        "sat",
        "on",
        "running",
        "was",
        "his",
        "3.5",
        "1,000",
        "A-B",
        "5-7",
        "10-",
        ".,",
        "..",
        "?!",
        "(hi)",
    ),
    *("&quot;", "&amp;lt;", "&gt;", "<skipped>", "-\n", "\n", "\t", " ", "\u00a0", "\u2028", "\x1c", "\x00"),
    *("👩\u200d🚀", "🇩🇪", "e\u0301", "a\u0308\u0323", "İ", "\u212a", "\ud800", "\udfff", "$", "_", "'s", "~{|}"),
)
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", " ", "  "])), max_size=14).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)
REFERENCES = st.lists(TEXTS, min_size=1, max_size=4).filter(lambda texts: any(map(str.strip, texts)))


def on_real_pairs(options: list) -> list:
    """Return (option, step) parameters: the first option on all 5,000 pairs, the others on 1,000, or all when slow."""
    others = options[1:]
    return [
        (options[0], 1),
        *((option, 5) for option in others),
        *(pytest.param(option, 1, marks=pytest.mark.slow) for option in others),
    ]


def disturb(text: str, others: list[str], rng: random.Random) -> str:
    """Return something that a model might have written instead of ``text``."""
    words = text.split()
    kind = rng.randrange(8)
    if kind == 0:
        return text
    if kind == 1:
        return rng.choice(others)
    if kind == 2:
        return rng.choice(["", " ", "\n", text.upper(), words[0], " ".join(words[:3])])
    if kind == 3:
        return " ".join([*words, *words[: len(words) // 2]])
    words = [word for word in words if rng.random() > 0.1 * (kind - 2)]
    start = rng.randrange(len(words) + 1)
    words[start : start + 4] = rng.sample(words[start : start + 4], len(words[start : start + 4]))
    return " ".join([*words, *rng.choice(others).split()[: rng.randrange(4)]])


def fuzzed(count: int, seed: int = 0) -> list[tuple[str, tuple[str, ...]]]:
    """Return pairs of an awkward response and one to four references that share words with it."""
    rng = random.Random(seed)
    return [_fuzzed_pair(rng) for _ in range(count)]


def _fuzzed_pair(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    pool = rng.sample(PIECES, rng.randrange(2, 16))

    def text() -> str:
        length = rng.choice((0, 1, 2, 4, 8, 16, 32))
        return "".join(rng.choice(pool) + rng.choice(("", " ", " ", "  ", "\n")) for _ in range(length))

    references = [text() for _ in range(rng.randrange(1, 5))]
    if not any(map(str.strip, references)):
        references.append("abc")
    response = rng.choice((text(), rng.choice(references), text() + rng.choice(references)))
    return response, tuple(references)


def word_count(response: str, sample: object) -> float:
    """A reward of one's own, to be named by its path."""
    return min(1.0, len(response.split()) / 100)
