"""Text that grows token by token: what a person sees never has half a character in it."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from textgym.tokenizers import (
    ByteTokenizer,
    CharTokenizer,
    HuggingFaceTokenizer,
    IncrementalDecoder,
    Tokenizer,
    WordTokenizer,
    well_formed,
)
from textgym.tokenizers.training import learn

TEXTS = ["the cat sat on the mat .", "Grüße aus München, the cats!", "a thing and another thing", "日本語 the mat"] * 20
BPE = learn(TEXTS, 300)
any_text = st.text(st.characters(), max_size=60)  # lone surrogates included


def pushed(tokenizer: Tokenizer, ids: list[int]) -> list[str]:
    decoder = IncrementalDecoder(tokenizer)
    return [*(decoder.push(i) for i in ids), decoder.finish()]


@settings(deadline=None)
@given(text=any_text)
def test_t6_text_that_grows_never_shows_half_a_character(text):
    for tokenizer in (ByteTokenizer(), BPE):
        parts = pushed(tokenizer, tokenizer.encode(text))
        assert "".join(parts) == well_formed(text)
        if "\ufffd" not in well_formed(text):
            assert "\ufffd" not in "".join(parts)
            assert parts[-1] == ""


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 400), max_size=20))
def test_t6_any_ids_give_the_text_of_all_in_the_end(ids):
    for tokenizer in (ByteTokenizer(), CharTokenizer("abé"), WordTokenizer(["the", "cat", "(", ")", "."]), BPE):
        assert "".join(pushed(tokenizer, ids)) == tokenizer.decode(ids)


def test_t6_characters_of_several_tokens_come_whole_and_broken_ones_at_the_end():
    assert pushed(ByteTokenizer(), [*"a€".encode()]) == ["a", "", "", "€", ""]
    assert pushed(ByteTokenizer(), [0xE2, 0x82]) == ["", "", "\ufffd"]
    assert pushed(ByteTokenizer(), [0xE2, 0x62]) == ["", "\ufffdb", ""]


def test_t6_a_sentencepiece_tokenizer_tells_its_single_bytes_whole(shared_data: Path):
    stories = HuggingFaceTokenizer(shared_data / "stories260k")
    ids = stories.encode("a 😀 b\nßƛ")
    parts = pushed(stories, ids)
    assert "".join(parts) == "a 😀 b\nßƛ"
    assert "\ufffd" not in "".join(parts)
    assert len(ids) > 10, "the characters should be spelled in bytes"
