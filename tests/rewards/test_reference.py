"""What holds for every registered reward that compares with references."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given

from tests.rewards.texts import REFERENCES, SCRIPTS, TEXTS, fuzz
from textgym.core import Sample
from textgym.errors import RewardError
from textgym.rewards import make_reward

WORDS = ["rouge1", "rouge2", "rougeL", "rougeLsum", "meteor", "token_f1"]
NAMES = ["bleu", "chrf", "edit_similarity", "exact_match", *WORDS, "ter", "wer", "cer"]
ASCII_ONLY = ("rouge1", "rouge2", "rougeL", "rougeLsum")
REWARDS = {name: make_reward(name) for name in NAMES}
every_reward = pytest.mark.parametrize("name", NAMES)


@fuzz
@given(TEXTS, REFERENCES)
def test_every_reward_is_total_and_within_bounds(response, references):
    for reward in REWARDS.values():
        scores = reward([response], [Sample("", references)])
        assert scores.dtype == np.float64
        assert 0 <= scores[0] <= 1 + 1e-12
        assert 0 <= reward.corpus([response], [Sample("", references)]) <= 1 + 1e-12


@fuzz
@given(TEXTS, REFERENCES)
def test_the_order_of_references_and_empty_ones_do_not_matter(response, references):
    for reward in REWARDS.values():
        one, other = ([Sample("", texts)] for texts in (references, ["", *references[::-1], " \n"]))
        assert reward([response], one) == reward([response], other)


@every_reward
@pytest.mark.parametrize("script", SCRIPTS)
def test_identical_text_scores_one_in_every_script(name, script):
    text = f"{script} {script[::-1]} 1 2"
    if name in ASCII_ONLY:
        text = "one two"
    score = REWARDS[name]([text], [Sample("", text)])
    # one chunk of m words costs METEOR 0.5 / m^3
    assert score == pytest.approx([1.0], abs=0.01 if name == "meteor" else 1e-12)


@every_reward
@pytest.mark.parametrize("blank", ["", " ", "\n\t\u00a0\u2003"])
def test_blank_responses_score_zero(name, blank):
    assert REWARDS[name]([blank], [Sample("", ("a b c d", " "))]).tolist() == [0.0]


def test_blank_responses_score_zero_under_smoothing_too():
    for spec in (
        "chrf(eps_smoothing=True, word_order=2)",
        "bleu(smooth_method='add-k')",
        "bleu(smooth_method='floor')",
    ):
        assert make_reward(spec)(["  "], [Sample("", "a")]).tolist() == [0.0]


@every_reward
def test_10000_words_are_judged(name):
    words = [f"word{i * 7919 % 10_000}" for i in range(10_000)]
    response, reference = " ".join(words), " ".join(sorted(words))
    score = REWARDS[name]([response], [Sample("", reference)])
    assert 0 <= score[0] < 1 or name in ("rouge1", "token_f1")


@every_reward
@pytest.mark.parametrize("references", [(), ("",), (" ", "\n")])
def test_a_sample_without_references_names_its_row(name, references):
    samples = [Sample("fine", "a"), Sample("the prompt", references)]
    needs = rf"The reward '{name}' needs at least one reference that is not empty"
    message = needs + r", got \(.*\) at row 1 \(prompt 'the prompt'\): drop the sample or give it a reference\."
    for judge in (REWARDS[name], REWARDS[name].corpus):
        with pytest.raises(RewardError, match=message):
            judge(["a", "b"], samples)
    assert REWARDS[name].needs_references


@every_reward
def test_counts_must_agree(name):
    with pytest.raises(RewardError, match=rf"The reward '{name}' takes a list .* got 2 responses and 1 samples"):
        REWARDS[name](["a", "b"], [Sample("", "a")])


@every_reward
def test_no_responses_give_no_scores(name):
    assert REWARDS[name]([], []).shape == (0,)
    assert REWARDS[name].corpus([], []) == 0.0


@every_reward
def test_rewards_pickle_and_copy_without_their_memory(name):
    reward = make_reward(name)
    sample = Sample("", "the running cats sat " * 50)
    before = reward(["the cat sat"], [sample])
    data = pickle.dumps(reward)
    assert len(data) < 300
    for twin in (pickle.loads(data), copy.deepcopy(reward)):
        assert twin == reward
        assert not any(key.startswith("_") for key in vars(twin))
        assert (twin(["the cat sat"], [sample]) == before).all()


def test_names_are_found_without_being_listed_and_nothing_heavy_is_imported():
    code = (
        "import sys, textgym.rewards as r; from textgym.registration import rewards\n"
        f"assert set({NAMES}) <= set(rewards.names()), rewards.names()\n"
        "r.make_reward('0.5*bleu + 0.5*rougeL')\n"
        "heavy = {'sacrebleu', 'rouge_score', 'nltk', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


HARD = {
    "100,000 words": " ".join(f"w{i * 7919 % 30_000}" for i in range(100_000)),
    "NUL": "a\x00b \x00 c",
    "lone surrogates": "a \ud800 b\udfff",
    "right to left": "\u202b\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd\u202c \u0645\u0631\u062d\u0628\u0627",
}
QUADRATIC = ("edit_similarity", "cer")  # 10,000 words are enough of a test of them


@pytest.mark.slow
@every_reward
@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_hard_texts_are_judged_on_both_sides(name, text):
    text = text[:60_000] if name in QUADRATIC else text
    scores = REWARDS[name]([text, text[::-1], "a b", ""], [Sample("", text)] * 4)
    assert scores[3] == 0
    assert ((scores >= 0) & (scores <= 1 + 1e-12)).all()
    assert scores[0] >= scores[1:].max()
