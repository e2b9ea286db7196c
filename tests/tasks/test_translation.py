"""The translation task: splits, sizes, determinism, distinctness, and how far copying gets."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from zlib import crc32

import numpy as np
import pytest

from textgym.errors import ConfigError
from textgym.tasks.translation import Translation
from textgym.tasks.translation.generated import bucket


@pytest.fixture(scope="module")
def task():
    return Translation()


def test_splits_are_disjoint_and_belong_to_their_hash(task):
    train = {task.samples("train")[i].prompt for i in range(5_000)}
    validation, test = ({sample.prompt for sample in task.samples(split)} for split in ("validation", "test"))
    assert len(validation) == len(test) == 1_000  # no prompt twice
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert {bucket(prompt) for prompt in validation} == {0, 1}
    assert {crc32(prompt.encode()) % 100 for prompt in test} == {2, 3}
    assert min(map(bucket, train)) >= 4


def test_samples_are_a_function_of_split_and_index(task):
    other = Translation(train_size=10)
    assert [task.samples("train")[i] for i in range(10)] == list(other.samples("train"))
    assert task.samples("test")[:3] == Translation(test_size=3).samples("test")
    assert task.samples("train")[0] != task.samples("validation")[0] != task.samples("test")[0]


def test_a_new_process_with_another_hash_seed_draws_the_same(task):
    program = (
        "from textgym.tasks.translation import Translation\n"
        "task = Translation(validation_size=5)\n"
        "print([*task.samples('train')[:50], *task.samples('validation')])"
    )
    here = repr([*task.samples("train")[:50], *Translation(validation_size=5).samples("validation")])
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert run.stdout.decode().strip() == here


def test_train_is_a_lazy_sequence(task):
    samples = task.samples("train")
    assert len(samples) == 100_000
    assert samples[-1] == samples[99_999] == samples[np.int64(99_999)]
    assert samples[2:5] == [samples[2], samples[3], samples[4]]
    for index in (100_000, -100_001):
        with pytest.raises(IndexError, match=f"The split 'train' has 100000 samples; there is no sample {index}"):
            samples[index]


def test_prompts_rarely_repeat(task):
    prompts = {sample.prompt for sample in task.samples("train")[:20_000]}
    assert len(prompts) > 0.99 * 20_000


@pytest.mark.slow
def test_the_grammar_has_hundreds_of_thousands_of_sentences():
    samples = Translation(train_size=300_000).samples("train")
    prompts = {sample.prompt for sample in samples}
    assert len(prompts) > 270_000
    assert len({sample.prompt for sample in samples[:100_000]}) > 97_000


def test_prompts_have_5_to_15_words_and_fit_the_windows(task):
    tokenizer = Translation(train_size=3_000).tokenizer()
    for sample in task.samples("validation"):
        assert 5 <= len(sample.prompt.split()) <= 15
        assert len(tokenizer.encode(sample.prompt)) <= task.max_prompt_tokens
        assert all(len(tokenizer.encode(text)) < task.max_new_tokens for text in sample.references)  # and the eos


def test_metadata_names_every_construction(task):
    names = Counter(name for sample in task.samples("train")[:5_000] for name in sample.metadata["constructions"])
    expected = (
        "adjective clock date dative fronted future genitive modal negation number perfect preposition preterite "
        "pronoun_object relative_clause separable_verb subordinate_clause subordinate_first"
    )
    assert sorted(names) == sorted(expected.split())
    assert min(names.values()) > 50
    for sample in task.samples("validation"):
        assert ("subordinate_first" in sample.metadata["constructions"]) <= ("," in sample.prompt)


def nearest_neighbour_bleu(train, test):
    """Corpus BLEU of answering with the translation of the training prompt that shares the most words."""
    sacrebleu = pytest.importorskip("sacrebleu")
    bags = [Counter(sample.prompt.lower().rstrip(".").replace(",", "").split()) for sample in train]
    columns = {word: i for i, word in enumerate(dict.fromkeys(itertools.chain(*bags)))}
    counts = np.zeros((len(bags), len(columns)), dtype=np.int8)
    for row, bag in enumerate(bags):
        counts[row, [columns[word] for word in bag]] = list(bag.values())
    lengths = counts.sum(axis=1)
    responses = []
    for sample in test:
        words = sample.prompt.lower().rstrip(".").replace(",", "").split()
        query = np.zeros(len(columns), dtype=np.int8)
        np.add.at(query, [columns[word] for word in words if word in columns], 1)
        overlap = 2 * np.minimum(counts, query).sum(axis=1) / (lengths + len(words))
        responses.append(train[int(overlap.argmax())].references[0])
    most = max(len(sample.references) for sample in test)
    references = [[(*sample.references, *[None] * most)[k] for sample in test] for k in range(most)]
    return sacrebleu.corpus_bleu(responses, references).score


def test_nearest_neighbour_of_few_prompts_scores_low(task):
    assert nearest_neighbour_bleu(task.samples("train")[:5_000], task.samples("test")[:100]) < 25


@pytest.mark.slow
def test_nearest_neighbour_of_50000_prompts_scores_below_35(task):
    assert 5 < nearest_neighbour_bleu(task.samples("train")[:50_000], task.samples("test")[:300]) < 35


def test_the_defaults_suit_the_sentences(task):
    assert (task.name, task.reward, task.max_prompt_tokens, task.max_new_tokens) == ("translation", "bleu", 32, 32)


def test_unknown_split_is_refused_with_the_nearest_name(task):
    with pytest.raises(ConfigError, match=r"The task 'translation' has no split 'valid'. Did you mean 'validation'\?"):
        task.samples("valid")


@pytest.mark.parametrize("name", ["train_size", "validation_size", "test_size"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ConfigError, match=f"{name} must be at least 1, got 0"):
        Translation(**{name: 0})
