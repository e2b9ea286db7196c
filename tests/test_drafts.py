"""Shaped rewards against the definition: the metric of every decoded prefix."""

import copy
import pickle

import numpy as np
import pytest

from textgym import Sample
from textgym.drafts import completed
from textgym.env import TextGenerationEnv
from textgym.errors import ConfigError
from textgym.rewards import make_reward
from textgym.tokenizers import ByteTokenizer, CharTokenizer, WordTokenizer, train_bpe
from textgym.tokenizers.writer import DecodingWriter, start_writer
from textgym.vector import TextGenerationVectorEnv

REFERENCE = "The cat (a big one) sat. Été: 你好 👩\u200d🚀 ok."
DATA = [Sample("one", (REFERENCE, "the cat")), Sample("two", ("a dog, été.",))]
TOKENIZERS = {
    "bpe": train_bpe([REFERENCE] * 3, vocab_size=300),
    "byte": ByteTokenizer(),
    "char": CharTokenizer(REFERENCE),
    "word": WordTokenizer(["the", "cat", "a", "dog", "sat", ".", ",", "(", ")", "été", ":"]),
}
REWARDS = ["bleu", "0.5*rougeL + 0.5*chrf", "edit_similarity", "bleu(tokenize='intl')"]
T = 12
every_tokenizer = pytest.mark.parametrize("name", TOKENIZERS)


def arguments(name, reward, **more):
    known = {"data": DATA, "tokenizer": TOKENIZERS[name], "reward": reward, "max_new_tokens": T, "shaping": "potential"}
    return {"task": "translation", "invalid_action_penalty": 0.0, **known, **more}


def written(name, rng):
    """Return ids that are like a reference, with others now and then."""
    tokenizer = TOKENIZERS[name]
    ids = np.resize(np.array(tokenizer.encode(REFERENCE)[rng.integers(3) :]), T)
    return np.where(rng.random(T) < 0.3, rng.integers(tokenizer.vocab_size, size=T), ids)


def expected_rewards(name, reward, tokens, sample, discount, at="token"):
    """Score every prefix from scratch."""
    tokenizer, judge, potential = TOKENIZERS[name], make_reward(reward), [0.0]
    ends = [i for i, token in enumerate(tokens) if token == tokenizer.eos_id]
    length = min(ends[0] + 1 if ends else T, T)
    for t in range(1, length + 1):
        text = tokenizer.decode(tokens[:t])
        text = completed(text) if at == "word" and t < length else text
        skipped = at == "word" and not text and t < length
        potential.append(0.0 if skipped else np.clip(judge([text], [sample])[0], *judge.bounds))
    factors = [discount] * (length - 1) + [1.0]
    return [factor * new - old for factor, new, old in zip(factors, potential[1:], potential[:-1], strict=True)]


@every_tokenizer
def test_written_text_equals_decoded_text(name):
    rng, tokenizer = np.random.default_rng(0), TOKENIZERS[name]
    for _ in range(200):
        ids = rng.integers(-1, tokenizer.vocab_size + 2, size=8).tolist()
        for writer in (start_writer(tokenizer), DecodingWriter(tokenizer)):
            assert [writer.write(i) for i in ids] == [tokenizer.decode(ids[: t + 1]) for t in range(len(ids))]


@every_tokenizer
@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("at", ["token", "word"])
def test_steps_and_whole_responses_pay_the_metric_of_every_prefix(name, reward, at):
    envs = TextGenerationVectorEnv(**arguments(name, reward, discount=0.9, potential_at=at), num_envs=4)
    env = TextGenerationEnv(**arguments(name, reward, discount=0.9, potential_at=at))
    envs.reset(options={"index": np.array([0, 1, 0, 1])})
    rng = np.random.default_rng(0)
    responses = np.array([written(name, rng) for _ in range(4)])
    expected = [expected_rewards(name, reward, row, DATA[i % 2], 0.9, at) for i, row in enumerate(responses.tolist())]
    for lane, row in enumerate(responses.tolist()):
        env.reset(options={"index": lane % 2})
        assert [env.step(token)[1] for token in row[: len(expected[lane])]] == pytest.approx(expected[lane], abs=1e-12)
    rewards = np.array([envs.step(responses[:, t])[1] for t in range(min(map(len, expected)))]).T
    for lane in range(4):
        assert rewards[lane] == pytest.approx(expected[lane][: rewards.shape[1]], abs=1e-12)
    lengths = np.array(list(map(len, expected)))
    envs.reset(options={"index": np.array([0, 1, 0, 1])})
    envs.begin(4)
    scores = envs.score(np.where(np.arange(T) < lengths[:, None], responses, -1), lengths)
    for lane, length in enumerate(lengths):
        assert scores.rewards[lane, :length] == pytest.approx(expected[lane], abs=1e-12)
    assert scores.rewards[:, :] == pytest.approx(np.where(np.arange(T) < lengths[:, None], scores.rewards, 0))


@pytest.mark.parametrize("at", ["token", "word"])
def test_shaped_rewards_sum_to_the_final_score(at):
    envs = TextGenerationVectorEnv(**arguments("bpe", "bleu", potential_at=at), num_envs=8)
    envs.reset(seed=0)
    rng, totals = np.random.default_rng(1), np.zeros(8)
    responses = np.array([written("bpe", rng) for _ in range(8)])
    responses[responses == TOKENIZERS["bpe"].eos_id] = 0
    for t in range(T):
        _, rewards, *_, infos = envs.step(responses[:, t])
        totals += rewards
    assert np.abs(totals - infos["score"]).max() < 1e-12
    assert infos["score"].max() > 0.1


def test_the_potential_at_words_changes_only_when_a_word_is_complete():
    env = TextGenerationEnv(**arguments("char", "edit_similarity", potential_at="word"))
    env.reset(options={"index": 1})
    rewards = [env.step(token)[1] for token in TOKENIZERS["char"].encode("a ca t")]
    assert [reward != 0 for reward in rewards] == [False, True, False, False, True, False]
    assert env.step(TOKENIZERS["char"].eos_id)[1] != 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("reward", REWARDS[:2])
def test_copies_and_snapshots_within_an_episode_go_on_alike(copied, reward):
    rows = np.array([written("byte", np.random.default_rng(i)) for i in range(3)])
    rows[rows == TOKENIZERS["byte"].eos_id] = 0
    envs = TextGenerationVectorEnv(**arguments("byte", reward), num_envs=3)
    envs.reset(seed=0)
    for t in range(5):
        envs.step(rows[:, t])
    twin, other = copied(envs), TextGenerationVectorEnv(**arguments("byte", reward), num_envs=3)
    assert twin._lanes._drafts is None
    other.restore(envs.snapshot())
    for t in range(5, T):
        expected = envs.step(rows[:, t])[1]
        assert (twin.step(rows[:, t])[1] == expected).all()
        assert (other.step(rows[:, t])[1] == expected).all()
    single = TextGenerationEnv(**arguments("byte", reward))
    single.reset(seed=0)
    single.step(int(rows[0, 0]))
    assert copied(single).step(5)[1] == single.step(5)[1]


def test_lanes_that_begin_anew_do_so_with_their_own_sample():
    envs = TextGenerationVectorEnv(**arguments("byte", "bleu"), num_envs=2, autoreset_mode="SameStep")
    lanes = [TextGenerationEnv(**arguments("byte", "bleu")) for _ in range(2)]
    envs.reset(seed=3)
    for i, lane in enumerate(lanes):
        lane.reset(seed=3 + i)
    tokens = np.random.default_rng(0).choice([101, 32, 97, TOKENIZERS["byte"].eos_id], size=(60, 2))
    for row in tokens:
        rewards = envs.step(row)[1]
        for i, lane in enumerate(lanes):
            _, reward, terminated, truncated, _ = lane.step(int(row[i]))
            assert reward == rewards[i]
            if terminated or truncated:
                lane.reset()


def test_potential_at_is_for_shaping_and_has_two_values():
    with pytest.raises(ConfigError, match="potential_at='word' is for shaping: pass shaping='potential' too"):
        TextGenerationEnv(**arguments("byte", "bleu", shaping=None, potential_at="word"))
    with pytest.raises(ConfigError, match=r"potential_at cannot be 'words'\. Did you mean 'word'\?"):
        TextGenerationEnv(**arguments("byte", "bleu", potential_at="words"))


@pytest.mark.parametrize(
    ("text", "words"), [("", ""), ("the", ""), ("the ", "the"), ("the c", "the"), (" a\n b", " a"), ("你好", "")]
)
def test_completed_words(text, words):
    assert completed(text) == words
