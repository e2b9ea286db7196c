"""Stop strings end a response at the token whose text completes one, in every path that writes or judges responses."""

import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Model
from tokenizers import decoders, models

from tests import tiny
from tests.chat import END, START, chat_tokenizer
from textgym import Sample
from textgym.errors import ConfigError
from textgym.spaces import TokenSpace
from textgym.stopping import StopRule, byte_machine, make_stop_rule
from textgym.tokenizers import ByteTokenizer, CharTokenizer, HuggingFaceTokenizer, Tokenizer, WordTokenizer
from textgym.tokenizers.training import learn

TEXTS = ["the cat sat.\n\nthe User: a cat\n", "Grüße, the cats!\n日本 the", "aabaab aab ab"] * 20
WORDS = ["the", "cat", "(", ")", ".", "a", "'", "sat"]


def metaspace() -> HuggingFaceTokenizer:
    """A tokenizer that writes spaces as SentencePiece does, and drops those of its first token."""
    from transformers import PreTrainedTokenizerFast

    tokens = ["</s>", "▁", "▁a", "a", "b", "▁ab", "a▁b", "\n", "c▁", "<0x0A>"]
    model = Model(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="</s>"))
    model.decoder = decoders.Metaspace()
    return HuggingFaceTokenizer(PreTrainedTokenizerFast(tokenizer_object=model, eos_token="</s>"))


TOKENIZERS: dict[str, Tokenizer] = {
    "byte": ByteTokenizer(),
    "char": CharTokenizer("abc \nü"),
    "word": WordTokenizer(WORDS),
    "bpe": learn(TEXTS, 330),
    "hf-bytes": HuggingFaceTokenizer(chat_tokenizer()),
    "hf-metaspace": metaspace(),
}
ANY = [["\n"], ["aab"], ["ab", "xab", "b a"], [" a", "ü\n"], ["b\n", "a:a"]]
STOPS: dict[str, list[list[str]]] = {
    "byte": [*ANY, ["the cat", "cat ("], ["\n\n", "User:"], ["日"]],
    "char": ANY[:-1],
    "word": [["the cat"], ["cat ("], [". a", "(a"], ["t s"], ["'", "a a"]],
    "bpe": [*ANY, ["the cat", "cat ("], ["\n\n", "User:"], ["日"]],
    "hf-bytes": [["\n\n", "User:"], ["日"]],
    "hf-metaspace": [["\n"], ["ab"], [" a"], ["b a", "bb"], ["c a"], ["c ", "aa"]],
}
CASES = [(name, strings) for name, cases in STOPS.items() for strings in cases]


def decode_and_search(tokenizer: Tokenizer, ids: list[int], strings: list[str]) -> int | None:
    """Return the place of the first token after which the decoded text contains a string."""
    texts = [tokenizer.decode(ids[: k + 1]) for k in range(len(ids))]
    return next((k for k, text in enumerate(texts) if any(string in text for string in strings)), None)


def place(rule: StopRule, ids: list[int]) -> int | None:
    states = rule.along(np.array([ids], dtype=np.int64))[0]
    stops = np.flatnonzero(rule.has_stopped(states))
    assert [rule.follow(ids[: k + 1]) for k in range(len(ids))] == states.tolist()
    return int(stops[0]) if len(stops) else None


@pytest.mark.parametrize(("name", "strings"), CASES, ids=str)
def test_the_table_agrees_with_decode_and_search(name: str, strings: list[str]):
    tokenizer = TOKENIZERS[name]
    rule = make_stop_rule(strings, tokenizer)
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(150):
        ids = rng.integers(0, tokenizer.vocab_size, 12).tolist()
        if name != "hf-metaspace":  # whose few ids are no vocabulary to encode with
            start = int(rng.integers(12))
            ids[start:start] = tokenizer.encode(strings[int(rng.integers(len(strings)))])
        expected = decode_and_search(tokenizer, ids, strings)
        assert place(rule, ids) == expected, (ids, tokenizer.decode(ids))
        if expected is not None:
            found += 1
            text = tokenizer.decode(ids[: expected + 1])
            assert rule.cut(text) == text[: min(text.find(s) for s in strings if s in text)]
    assert found > 20, "the strings should occur"


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_bytes_and_any_strings_agree_with_decode_and_search(data: Any):
    text = st.text("abé\n\u0301", min_size=1, max_size=4)
    strings = data.draw(st.lists(text, min_size=1, max_size=3))
    ids = data.draw(st.lists(st.sampled_from([*"abé\n\u0301".encode(), 0xFF, 257]), max_size=20))
    tokenizer = ByteTokenizer()
    assert place(make_stop_rule(strings, tokenizer), ids) == decode_and_search(tokenizer, ids, strings)


def test_a_sentencepiece_tokenizer_agrees_with_decode_and_search(shared_data: Path):
    tokenizer = HuggingFaceTokenizer(shared_data / "stories260k")
    rng = np.random.default_rng(0)
    whole = [i for i in range(tokenizer.vocab_size) if "\ufffd" not in tokenizer.decode([i])]  # no part of a character
    for strings in (["\n"], [" the"], [".", "ing"], ["a b", "ed t"]):
        rule = make_stop_rule(strings, tokenizer)
        found = 0
        for _ in range(100):
            ids = rng.choice(whole, 20).tolist()
            start = int(rng.integers(20))
            ids[start:start] = tokenizer.encode(f"said{strings[0]}")
            expected = decode_and_search(tokenizer, ids, strings)
            assert place(rule, ids) == expected, (strings, ids, tokenizer.decode(ids))
            found += expected is not None
        assert found > 20


def test_the_machine_knows_the_longest_end_that_begins_a_pattern():
    machine = byte_machine([b"aab", b"ba"])
    states = [0]
    for byte in b"abb":
        states.append(int(machine[states[-1], byte]))
    assert len(machine) == 5, "nothing, a, b, aa, found"
    assert states == [0, 1, 2, 2]
    assert machine[2, ord("a")] == len(machine) - 1
    assert (machine[-1] == len(machine) - 1).all(), "what was found stays found"


@pytest.mark.parametrize("name", TOKENIZERS)
def test_rules_are_saved_as_json_and_pickled(name: str):
    tokenizer = TOKENIZERS[name]
    rule = make_stop_rule(["a b", "b\n"], tokenizer)
    space = TokenSpace(tokenizer.vocab_size, 4, 5, tokenizer.eos_id, stop=rule)
    for again in (TokenSpace.from_json(json.loads(json.dumps(space.to_json()))), pickle.loads(pickle.dumps(space))):
        assert again == space
        assert again.stop == rule
        assert hash(again.stop) == hash(rule)
        assert again.stop.table.tolist() == rule.table.tolist()
    assert space != TokenSpace(tokenizer.vocab_size, 4, 5, tokenizer.eos_id)
    assert rule != make_stop_rule(["a b"], tokenizer)
    assert "stop=['a b', 'b\\n']" in repr(space)
    assert "stop" not in TokenSpace(9, 4, 5, 3).to_json()


def test_a_rule_for_a_large_vocabulary_is_small_when_saved():
    tokenizer = learn(TEXTS * 3, 400)
    rule = make_stop_rule(["User:", "\n\n"], tokenizer)
    assert len(json.dumps(rule.to_json())) < rule.table.size


def make(**arguments: Any) -> Any:
    defaults = {"data": [Sample("x", ("ab\ncd", "abc"))], "tokenizer": "byte", "max_new_tokens": 8}
    return gym.make("tests/Tiny-v0", reward="exact_match", **(defaults | arguments)).unwrapped


def write(env: Any, ids: list[int]) -> tuple[Any, ...]:
    env.reset(seed=0)
    for token in ids[:-1]:
        assert env.step(token)[2:4] == (False, False)
    return env.step(ids[-1])


def test_a_stop_string_ends_the_episode_and_is_no_part_of_the_response():
    env = make(stop="\n\n")
    _, reward, terminated, truncated, info = write(env, [*b"abc\n\n"])
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info == {"response": "abc", "finish": "stop", "score": 1.0, "length": 5}


def test_a_token_that_goes_on_after_the_stop_string_ends_there():
    own = learn(["c.\n\nc.\n\n"] * 9, 300)
    (token,) = [i for i, piece in enumerate(own.pieces().spaced) if piece == b"\n\n"]
    env = make(tokenizer=own, stop=["\n", "zz"])
    assert write(env, [*own.encode("abc"), token])[4] == {
        "response": "abc",
        "finish": "stop",
        "score": 1.0,
        "length": 4,
    }


def test_a_stop_string_at_the_limit_terminates_where_the_limit_truncates():
    for stop, finish in ((["ab"], "stop"), (["zz"], "length")):
        env = make(stop=stop, max_new_tokens=2, on_length="truncate")
        _, _, terminated, truncated, info = write(env, [*b"ab"])
        assert (terminated, truncated, info["finish"]) == (finish == "stop", finish == "length", finish)


def test_a_special_token_as_stop_string_may_be_written_and_ends():
    tokenizer = HuggingFaceTokenizer(chat_tokenizer())
    (start,) = tokenizer.special_ids
    env = make(tokenizer=tokenizer, stop=START)
    assert env.action_masks()[start]
    assert write(env, [*b"abc", start])[4] == {"response": "abc", "finish": "stop", "score": 1.0, "length": 4}
    assert not make(tokenizer=tokenizer).action_masks()[start]
    assert write(make(tokenizer=tokenizer, stop=[END]), [*b"abc", tokenizer.eos_id])[4]["finish"] == "eos"


def test_t3_a_tokenizer_without_eos_needs_a_stop_string_or_only_the_length():
    source = chat_tokenizer()
    source.eos_token = None
    tokenizer = HuggingFaceTokenizer(source)
    with pytest.raises(ConfigError, match=r"has no end-of-text token.*pass stop=\.\.\..*or stop_at_eos=False"):
        make(tokenizer=tokenizer)
    assert write(make(tokenizer=tokenizer, stop=["\n"]), [*b"abc\n"])[4]["finish"] == "stop"
    assert write(make(tokenizer=tokenizer, stop_at_eos=False, max_new_tokens=3), [*b"abc"])[4]["finish"] == "length"


def test_demonstrations_end_as_responses_do():
    def responses(**arguments: Any) -> list[list[int]]:
        env = gym.make_vec("tests/Tiny-v0", data=[Sample("x", "ab\ncd"), Sample("x", "abc")], **arguments)
        rows = env.demonstrations([0, 1], np.random.default_rng(0))
        assert not rows.cut.any()
        return [row[:length].tolist() for row, length in zip(rows.responses, rows.lengths, strict=True)]

    eos = ByteTokenizer().eos_id
    sizes = {"tokenizer": "byte", "max_new_tokens": 9}
    assert responses(**sizes) == [[*b"ab\ncd", eos], [*b"abc", eos]]
    assert responses(**sizes, stop="\n") == [[*b"ab\n"], [*b"abc", eos]]
    assert responses(**sizes, stop=["\n"], stop_at_eos=False) == [[*b"ab\n"], [*b"abc\n"]]
    tokenizer = HuggingFaceTokenizer(chat_tokenizer())
    (start,) = tokenizer.special_ids
    sizes |= {"tokenizer": tokenizer}
    assert responses(**sizes, stop=[START], stop_at_eos=False) == [[*b"ab\ncd", start], [*b"abc", start]]


def test_snapshots_of_a_half_written_stop_string_go_on():
    env = make(stop="\n\n")
    env.reset(seed=0)
    for token in b"ab\n":
        env.step(token)
    snapshot = json.loads(json.dumps(env.snapshot()))
    other = make(stop="\n\n")
    other.reset(seed=1)
    other.restore(snapshot)
    assert other.step(10)[2]
    with pytest.raises(ConfigError, match="or stop string before its last id"):
        other.restore(snapshot | {"tokens": [*b"a\n\nb"]})


def test_responses_that_go_on_after_a_stop_string_are_refused():
    env = gym.make_vec("tests/Tiny-v0", num_envs=1, tokenizer="byte", stop="ab", max_new_tokens=4)
    env.reset(seed=0)
    env.begin(1)
    with pytest.raises(ConfigError, match="must end at its first eos or stop string, or at 4 tokens"):
        env.score(np.array([[97, 98, 99, 256]]), np.array([4]))
    scores = env.score(np.array([[97, 98, -1, -1]]), np.array([2]))
    assert scores.infos["finish"].tolist() == ["stop"]
    assert scores.terminated.all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stop": [""]}, "at least one valid character, got ''"),
        ({"stop": ["a", 3]}, "at least one valid character, got 3"),
        ({"stop": "\ud800"}, "at least one valid character"),
        ({"stop": "x" * 1001}, "1000 bytes together, got 1001"),
        ({"stop": "a", "tokenizer": "ByT5"}, "not known for ByT5Tokenizer, which is written in Python"),
        ({"stop": "a", "tokenizer": "WordPiece"}, r"not known for a tokenizer that decodes by \['WordPiece'\]"),
        ({"stop": "a", "tokenizer": "foreign"}, "foreign-signature has no method pieces"),
    ],
)
def test_stop_strings_that_cannot_be_found_are_refused(arguments: dict[str, Any], message: str):
    from transformers import ByT5Tokenizer

    wordpiece = chat_tokenizer()
    wordpiece.backend_tokenizer.decoder = decoders.WordPiece()
    kinds = {"ByT5": ByT5Tokenizer(), "WordPiece": wordpiece, "foreign": Foreign()}
    kind = arguments.get("tokenizer", "byte")
    with pytest.raises(ConfigError, match=message):
        make(**(arguments | {"tokenizer": kinds.get(kind, kind)}))


class Foreign:
    """A user's tokenizer, which tells no pieces."""

    vocab_size, eos_id, special_ids, signature = 258, 256, (257,), "foreign-signature"

    def __getattr__(self, name: str) -> Any:
        if name in ("encode_prompt", "encode", "decode", "decode_batch", "to_json"):
            return getattr(ByteTokenizer(), name)
        raise AttributeError(name)


def test_the_environments_of_these_tests_are_played_with_stop_strings():
    """All tests over the registry (vector equals single, whole responses equal steps) play this one too."""
    env = gym.make("tests/TinyStops-v0").unwrapped
    assert env.spec.id in tiny.all_ids()
    finishes = set()
    rng = np.random.default_rng(0)
    for seed in range(60):
        env.reset(seed=seed)
        over = False
        while not over:
            _, _, terminated, truncated, info = env.step(int(rng.integers(10)))
            over = terminated or truncated
        finishes.add(info["finish"])
    assert finishes == {"eos", "stop", "length"}


def test_stop_strings_that_are_no_texts_are_refused():
    with pytest.raises(ConfigError, match="stop must be a text or a list of texts, got 3"):
        make_stop_rule(3, ByteTokenizer())
