from importlib.metadata import version

import pytest

import textgym
from textgym import list_rewards, make_reward
from textgym.errors import TextGymError
from textgym.registration import rewards
from textgym.rewards.signature import column, package_version, signature


def test_options_come_first_and_versions_last():
    text = signature("name", "corpus", "sacrebleu", eff=False, tok="13a", n=4)
    assert text == f"name|corpus|eff:no|tok:13a|n:4|textgym:{textgym.__version__}|sacrebleu:{version('sacrebleu')}"


def test_a_package_that_is_not_installed_has_an_unknown_version():
    assert package_version("no-such-package-as-this") == "unknown"


@pytest.mark.parametrize(
    "spec", ["1*bleu", "(bleu)", "bleu + 0", {"bleu": 1.0}, "0.5*bleu + 0.5*bleu", "bleu(tokenize='13a')"]
)
def test_what_scores_the_same_has_the_same_signature(spec):
    reward, plain = make_reward(spec), make_reward("bleu")
    assert reward.signature == plain.signature
    assert reward.corpus_signature == plain.corpus_signature
    assert reward.name == "bleu"


@pytest.mark.parametrize("spec", ["2*bleu", "-bleu", "bleu + 0.1", "bleu + rougeL", "clip(bleu, 0, 0.5)"])
def test_what_scores_otherwise_has_another_signature(spec):
    assert make_reward(spec).signature != make_reward("bleu").signature


def test_every_signature_has_the_version():
    signatures = {}
    for name in list_rewards():
        if not rewards[name].__module__.startswith("textgym."):
            continue  # registered by another test
        try:
            signatures[name] = make_reward(name).signature
        except TextGymError:  # it needs an option
            continue
    assert len(signatures) > 25
    assert [name for name, text in signatures.items() if f"textgym:{textgym.__version__}" not in text] == []


@pytest.mark.parametrize(
    ("spec", "title"),
    [
        ("wer", "1-wer"),
        ("cer", "1-cer"),
        ("ter", "1-ter"),
        ("cached(wer)", "1-cached(wer)"),
        ("wer(lowercase=True)", "1-wer(lowercase=True)"),
        ("bleu", "bleu"),
        ("0.5*wer + 0.5*bleu", "0.5*wer + 0.5*bleu"),
        ("0.5*wer", "0.5*wer"),
        ("min(wer, bleu)", "min(wer, bleu)"),
    ],
)
def test_tables_do_not_call_a_score_by_the_name_of_its_rate(spec, title):
    reward = make_reward(spec)
    assert column(spec, reward.signature) == column(spec, reward.corpus_signature) == title
