"""Tokenizers: exact round trips, stable content, no special id that text can spell."""

import copy
import json
import os
import pickle
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgym.errors import ConfigError
from textgym.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    HuggingFaceTokenizer,
    Tokenizer,
    WordTokenizer,
    make_tokenizer,
    tokenizer_from_json,
    train_bpe,
    well_formed,
)
from textgym.tokenizers.pieces import byte_letters
from textgym.tokenizers.training import cache_folder, learn

TEXTS = ["the cat sat on the mat .", "Grüße aus München, the cats!", "a thing and another thing", "日本語 the mat"] * 20
WORDS = ["the", "cat", "it's", "3.5", ".", ",", "(", ")", "-", "sleeps", "?", "'"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "cache"))


def bpe() -> BPETokenizer:
    return train_bpe(TEXTS, 300)


def own_tokenizers() -> list[Tokenizer]:
    return [ByteTokenizer(), CharTokenizer("abc ü"), WordTokenizer(WORDS), bpe()]


BPE = learn(TEXTS, 300)
any_text = st.text(st.characters(), max_size=60)  # lone surrogates included


@pytest.mark.parametrize("tokenizer", [ByteTokenizer(), BPE], ids=["byte", "bpe"])
@settings(deadline=None)
@given(text=any_text)
def test_any_text_survives_the_round_trip(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == well_formed(text)
    assert all(0 <= i < tokenizer.eos_id for i in ids)


@pytest.mark.parametrize("text", ["", " ", "  two leading", "\n\ttabs \r\n", "<sep><eos>", "👩‍👩‍👧 e\u0301", "\x00"])
def test_spaces_marks_and_specials_spelled_out_survive(text):
    assert BPE.decode(BPE.encode(text)) == text


@given(text=any_text)
def test_well_formed_text_is_what_utf8_can_hold(text):
    assert well_formed(text).encode().decode() == well_formed(text)
    if not any(0xD800 <= ord(character) < 0xE000 for character in text):
        assert well_formed(text) == text


def test_surrogate_pairs_are_joined_and_lone_ones_replaced():
    assert well_formed("\ud83d\ude00 \ud83d") == "😀 \ufffd"


@given(ids=st.lists(st.integers(-5, 400), max_size=20))
def test_decoding_any_ids_never_raises(ids):
    for tokenizer in (ByteTokenizer(), CharTokenizer("ab"), WordTokenizer(WORDS), BPE):
        assert isinstance(tokenizer.decode(ids), str)
        assert tokenizer.decode_batch([ids, np.array(ids, dtype=np.int32)]) == [tokenizer.decode(ids)] * 2


def test_cut_utf8_is_shown_as_replacement_character():
    assert ByteTokenizer().decode("aé".encode()[:2]) == "a\ufffd"


@given(text=st.text("abc ü", max_size=30))
def test_text_over_the_alphabet_survives_the_round_trip(text):
    tokenizer = CharTokenizer("abc ü")
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(text)) == len(text)


def test_unknown_characters_and_words_are_marked_and_decode_to_nothing():
    assert CharTokenizer("ab").encode("axb") == [0, 4, 1]
    assert WordTokenizer(WORDS).encode("the dog") == [0, len(WORDS) + 2]
    assert CharTokenizer("ab").decode([0, 4, 1]) == "ab"


@given(ids=st.lists(st.integers(0, len(WORDS) - 1), max_size=12))
def test_encoding_decoded_words_gives_the_same_ids(ids):
    tokenizer = WordTokenizer(WORDS)
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


def test_well_spaced_words_come_back_unchanged():
    tokenizer = WordTokenizer(WORDS)
    text = "it's the cat (the cat), 3.5 - sleeps?"
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("index", range(4))
def test_specials_follow_the_pieces_and_end_the_prompt(index):
    tokenizer = own_tokenizers()[index]
    assert isinstance(tokenizer, Tokenizer)
    specials = {tokenizer.eos_id, *tokenizer.special_ids}
    assert specials == set(range(tokenizer.eos_id, tokenizer.vocab_size))
    prompt = tokenizer.encode_prompt("the cat")
    assert prompt[:-1] == tokenizer.encode("the cat")
    assert prompt[-1] in tokenizer.special_ids
    assert tokenizer.decode([*prompt, tokenizer.eos_id]) == tokenizer.decode(prompt[:-1])


@pytest.mark.parametrize("index", range(4))
def test_saved_pickled_and_copied_tokenizers_are_equal(index):
    tokenizer = own_tokenizers()[index]
    saved = json.loads(json.dumps(tokenizer.to_json()))
    for other in (tokenizer_from_json(saved), make_tokenizer(saved), pickle.loads(pickle.dumps(tokenizer))):
        assert other == tokenizer
        assert hash(other) == hash(tokenizer)
        assert other.signature == tokenizer.signature
        assert other.encode("the cat abc") == tokenizer.encode("the cat abc")
    assert copy.deepcopy(tokenizer) is tokenizer
    assert str(tokenizer.vocab_size) in repr(tokenizer)


def test_signatures_differ_with_content():
    signatures = {t.signature for t in (*own_tokenizers(), CharTokenizer("ab"), train_bpe(TEXTS[:3], 300))}
    assert len(signatures) == 6


def test_byte_letters_agree_with_the_tokenizers_library():
    from tokenizers import pre_tokenizers

    assert sorted(byte_letters()) == sorted(pre_tokenizers.ByteLevel.alphabet())


def test_bpe_encoding_agrees_with_the_tokenizers_library_decoder():
    from tokenizers import decoders

    decoder = decoders.ByteLevel()
    pieces = BPE.to_json()["vocab"]
    for text in TEXTS[:4]:
        assert decoder.decode([pieces[i] for i in BPE.encode(text)]) == BPE.decode(BPE.encode(text)) == text


def test_bpe_joins_frequent_pairs():
    assert len(bpe().encode("the cat")) < len("the cat")
    assert bpe().vocab_size <= 300


SCRIPT = """
from textgym.tokenizers import train_bpe
print(train_bpe([f"word{i % 7} other{i % 11} {i}" for i in range(500)], 400).signature)
"""


def test_training_is_the_same_in_every_process_and_hash_seed(tmp_path):
    signatures = set()
    for seed in ("0", "1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed, "TEXTGYM_CACHE": str(tmp_path / seed)}
        run = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
        signatures.add(run.stdout)
    assert len(signatures) == 1


def test_trained_tokenizer_is_read_from_the_cache(monkeypatch):
    first = bpe()
    (path,) = cache_folder().iterdir()
    monkeypatch.setattr("textgym.tokenizers.training.learn", lambda *_: pytest.fail("learned again"))
    assert bpe() == first
    assert path.name.startswith("bpe-")


def test_other_texts_or_another_size_miss_the_cache():
    train_bpe(["ab", "c"], 300)
    train_bpe(["a", "bc"], 300)
    train_bpe(["a", "bc"], 301)
    assert len(list(cache_folder().iterdir())) == 3


def test_texts_with_an_id_are_read_only_to_learn_from_them():
    first = train_bpe(TEXTS, 300, text_id="these")
    assert first == bpe()
    unread = (pytest.fail("read again") for _ in range(1))
    assert train_bpe(unread, 300, text_id="these") == first
    assert train_bpe(["ab", "c"], 300, text_id="others") != first
    assert train_bpe(["ab", "c"], 301, text_id="these") != first
    with pytest.raises(ConfigError, match="at least one text that is not empty"):
        train_bpe([], 300, text_id="nothing")


def test_the_translation_task_has_the_tokenizer_of_its_texts_without_reading_them_again(monkeypatch):
    from textgym.tasks.translation.generated import GeneratedSamples
    from textgym.tasks.translation.task import Translation

    task = Translation(train_size=150)
    texts = [text for sample in task.samples("train") for text in (sample.prompt, *sample.references)]
    tokenizer = task.tokenizer()
    assert tokenizer == train_bpe(texts)
    assert Translation(train_size=151).training_text_id() != task.training_text_id()
    monkeypatch.setattr(GeneratedSamples, "__getitem__", lambda *_: pytest.fail("generated again"))
    assert task.tokenizer() == tokenizer


def test_a_subclass_with_samples_of_its_own_has_a_tokenizer_of_its_own():
    from textgym.core import Sample
    from textgym.tasks.translation.task import Translation

    class Other(Translation):
        def samples(self, split):
            return [Sample("abc", ("cba",))]

    assert Other().training_text_id() is None
    assert Other().tokenizer() == train_bpe(["abc", "cba"])


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b.replace(b'"Gr"', b'"Gq"'), lambda _: b"[]"])
def test_damaged_cache_file_is_replaced(damage):
    first = bpe()
    (path,) = cache_folder().iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    assert bpe() == first
    assert path.read_bytes() == whole


def test_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TEXTGYM_CACHE", str(tmp_path / "file" / "below"))
    assert bpe() == BPE


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("TEXTGYM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "textgym"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "textgym"


def test_decoding_a_batch_takes_microseconds_per_row():
    rng = random.Random(0)
    batch = [[rng.randrange(BPE.vocab_size) for _ in range(64)] for _ in range(1000)]
    start = time.perf_counter()
    BPE.decode_batch(batch)
    assert time.perf_counter() - start < 0.5  # measured 0.006 s; a regression to per-id Python work is 30 times slower


def test_specs_give_the_tokenizers_that_they_name(tmp_path):
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(bpe().to_json()))
    assert make_tokenizer("byte") == ByteTokenizer()
    assert make_tokenizer("char:ab:c") == CharTokenizer("ab:c")
    assert make_tokenizer(path) == make_tokenizer(str(path)) == bpe()
    tokenizer = CharTokenizer("ab")
    assert make_tokenizer(tokenizer) is tokenizer


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bite", "Unknown tokenizer 'bite'. Did you mean 'byte'"),
        ("nothing-alike", "Known: byte, char:, hf:"),
        ("missing.json", "There is no saved tokenizer at /.*missing.json: give the path"),
        ("char:", "at least one valid character"),
        (7, "A tokenizer is given as 'byte', 'char:<alphabet>'.*got 7"),
        (ByteTokenizer, r"must be an object, got the class ByteTokenizer: write ByteTokenizer\(\.\.\.\)"),
        ({"kind": "bytes"}, "Unknown kind of tokenizer 'bytes'. Did you mean 'byte'"),
        ({}, "Unknown kind of tokenizer None"),
        ({"kind": "char"}, "of kind 'char' lacks the value 'alphabet': save it again"),
        ({"kind": "bpe", "vocab": byte_letters(), "merges": 3}, "of kind 'bpe' is damaged .*: save it again"),
        ("", "Unknown tokenizer ''. Known: byte, char:, hf:"),
        ("~no-such-user/saved.json", "There is no saved tokenizer at /.*~no-such-user/saved.json"),
        ("x" * 5000, "Unknown tokenizer 'xxx"),
        ({"kind": "word", "words": "the"}, "The words must be a list of strings, got 'the'"),
        ({"kind": "bpe", "vocab": ["a"], "merges": []}, "must hold each of the 256 letters for bytes"),
        ({"kind": "bpe", "vocab": byte_letters(), "merges": [["a", "b"]]}, "merges do not fit .*Use train_bpe"),
        ("hf:./no-such-folder", "There is no tokenizer folder /.*no-such-folder"),
    ],
)
def test_what_is_no_tokenizer_is_refused(spec, message):
    with pytest.raises(ConfigError, match=message):
        make_tokenizer(spec)


def test_files_that_hold_no_saved_tokenizer_are_refused(tmp_path):
    path = tmp_path / "t.json"
    for content, message in [
        ("{", "t.json cannot be read as a saved tokenizer"),
        ("[]", "t.json must hold the dict that to_json"),
        ('{"model": {}, "added_tokens": []}', "give its folder as 'hf:"),
    ]:
        path.write_text(content)
        with pytest.raises(ConfigError, match=message):
            make_tokenizer(str(path))
    with pytest.raises(ConfigError, match="is a folder: a Hugging Face tokenizer is given as 'hf:"):
        make_tokenizer(tmp_path)


def test_vocabularies_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="at least 258"):
        train_bpe(TEXTS, 257)
    with pytest.raises(ConfigError, match="at least one text that is not empty"):
        train_bpe(["", ""])
    with pytest.raises(ConfigError, match=r"each a single word or mark; got \['two words'\]"):
        WordTokenizer(["one", "two words"])
    with pytest.raises(ConfigError, match="got none"):
        WordTokenizer([])


STORY = "One day, a little girl named Lily found a needle in her room."


@pytest.fixture(scope="module")
def stories(shared_data):
    return HuggingFaceTokenizer(shared_data / "stories260k")


def test_hugging_face_folder_agrees_with_transformers(stories, shared_data):
    from transformers import AutoTokenizer

    oracle = AutoTokenizer.from_pretrained(shared_data / "stories260k")
    assert (stories.vocab_size, stories.eos_id) == (len(oracle), oracle.eos_token_id)
    assert set(stories.special_ids) == set(oracle.all_special_ids) - {oracle.eos_token_id}
    assert stories.encode_prompt(STORY) == oracle(STORY).input_ids
    assert stories.encode(STORY) == oracle(STORY, add_special_tokens=False).input_ids
    ids = [*oracle(STORY).input_ids, oracle.eos_token_id]
    assert stories.decode(ids) == oracle.decode(ids, skip_special_tokens=True) == STORY
    assert stories.decode_batch([ids, np.array(ids[:5])]) == [STORY, oracle.decode(ids[1:5])]
    assert make_tokenizer(oracle) == stories


def test_hugging_face_specials_cannot_be_spelled_in_a_response(stories):
    ids = stories.encode("the </s> end <s>")
    assert not {stories.eos_id, *stories.special_ids} & set(ids)
    assert stories.decode(ids) == "the </s> end <s>"


def test_hugging_face_tokenizer_with_one_special_for_everything_works():
    """As GPT-2's: the same token begins, ends and stands for the unknown, and there is no pad."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer as Model
    from tokenizers import decoders, models, pre_tokenizers

    end = "<|endoftext|>"
    model = Model(models.BPE({letter: i for i, letter in enumerate(byte_letters())}, [], unk_token=end))
    model.pre_tokenizer, model.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    model.add_special_tokens([end])
    specials = dict.fromkeys(("bos_token", "eos_token", "unk_token"), end)
    source = transformers.PreTrainedTokenizerFast(tokenizer_object=model, **specials)
    tokenizer = make_tokenizer(source)
    assert (tokenizer.eos_id, tokenizer.special_ids, tokenizer.vocab_size) == (256, (), 257)
    text = f" é{end}\n日"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert 256 not in tokenizer.encode(text)
    assert tokenizer.decode([*tokenizer.encode("é")[:1], 256]) == "\ufffd"


def test_hugging_face_lone_surrogates_and_wild_ids_are_harmless(stories):
    assert stories.decode(stories.encode("a \ud800 b")) == "a \ufffd b"
    assert stories.decode([-1, 10**9, stories.eos_id]) == ""


def test_hugging_face_tokenizer_is_saved_whole(stories):
    saved = json.loads(json.dumps(stories.to_json()))
    for other in (tokenizer_from_json(saved), pickle.loads(pickle.dumps(stories))):
        assert other == stories
        assert other.signature == stories.signature
        assert other.encode_prompt(STORY) == stories.encode_prompt(STORY)
    assert copy.deepcopy(stories) is stories
    with pytest.raises(ConfigError, match="content is damaged"):
        tokenizer_from_json(saved | {"content": {"model": 1}})


def test_hugging_face_tokenizer_written_in_python_works():
    transformers = pytest.importorskip("transformers")
    tokenizer = HuggingFaceTokenizer(transformers.ByT5Tokenizer())
    assert tokenizer.encode_prompt("hé") == [*tokenizer.encode("hé"), tokenizer.eos_id]
    assert tokenizer.decode(tokenizer.encode("hé </s>")) == "hé </s>"
    assert tokenizer.encode("a") == [ord("a") + 3]
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer


def test_hugging_face_name_that_is_nowhere_is_refused_fast(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"'no/such-tokenizer' cannot be loaded.*The hub was not asked"):
        HuggingFaceTokenizer("no/such-tokenizer")


def test_hugging_face_folder_without_tokenizer_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"from the folder .*Give a folder that holds tokenizer.json"):
        make_tokenizer(f"hf:{tmp_path}")
    (tmp_path / "stories").mkdir()
    with pytest.raises(ConfigError, match=r"no tokenizer folder .*storys. Did you mean 'stories'"):
        make_tokenizer(f"hf:{tmp_path / 'storys'}")


def test_t8_code_that_comes_with_a_tokenizer_is_never_run(tmp_path):
    (tmp_path / "code.py").write_text("raise SystemExit('this code was run')\n")
    classes = {"AutoTokenizer": ["code.Slow", "code.Fast"]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Own", "auto_map": classes}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "code.C"}}))
    with pytest.raises(ConfigError, match=r"needs code that comes with it \(trust_remote_code\).*is never run"):
        make_tokenizer(f"hf:{tmp_path}")


def test_t10_an_absent_tokenizer_is_told_without_asking_a_hub_that_does_not_answer(tmp_path, monkeypatch):
    from huggingface_hub import constants

    from textgym.tokenizers import huggingface

    asked = []
    load = huggingface._load
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface, "hub_reachable", lambda: False)
    monkeypatch.setattr(huggingface, "_load", lambda *a, local: (asked.append(local), load(*a, local=local))[1])
    with pytest.raises(ConfigError, match=r"'no/such-tokenizer' cannot be loaded.*The hub was not asked"):
        HuggingFaceTokenizer("no/such-tokenizer")
    assert asked == [True], "only the cache was looked at"
