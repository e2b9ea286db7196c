"""Samples of the procedural tasks: disjoint splits, determinism, laziness."""

import os
import pickle
import subprocess
import sys
import tracemalloc
from zlib import crc32

import numpy as np
import pytest

from tests.tasks.procedural.catalogue import IDS, every_task, made
from textgym import Sample
from textgym.errors import ConfigError
from textgym.tasks.procedural.generated import bucket

SPLITS = ("train", "validation", "test")


@every_task
def test_splits_are_disjoint_whatever_the_seed(name):
    prompts = {split: {sample.prompt for sample in made(name).samples(split)[:300]} for split in SPLITS}
    for split in SPLITS:
        prompts[split] |= {sample.prompt for sample in made(name, seed=7).samples(split)[:300]}
    assert not prompts["train"] & prompts["validation"]
    assert not prompts["train"] & prompts["test"]
    assert not prompts["validation"] & prompts["test"]
    assert {bucket(prompt) for prompt in prompts["validation"]} == {0}
    assert {crc32(prompt.encode()) % 10 for prompt in prompts["test"]} == {1}
    assert {bucket(prompt) for prompt in prompts["train"]} == {2, 3, 4, 5, 6, 7, 8, 9}
    assert min(map(len, prompts.values())) > 50  # also the smallest split of the easiest task has some variety


@every_task
def test_samples_are_a_function_of_seed_split_and_index(name):
    train = made(name).samples("train")
    assert train[:5] == made(name, train_size=5).samples("train")[:]
    assert train[:5] == [train[i] for i in (0, 1, 2, 3, 4)]
    assert train[:20] != made(name, seed=1).samples("train")[:20]
    assert train[:20] != made(name).samples("test")[:20]
    assert train[:20] != train[20:40]
    assert isinstance(train[0], Sample)


def test_a_new_process_with_another_hash_seed_draws_the_same():
    program = (
        "import textgym\n"
        f"for name in {list(IDS)}:\n"
        "    task = textgym.make_task(name, difficulty=2, seed=3)\n"
        "    print([*task.samples('train')[:9], *task.samples('test')[:4]], task.tokenizer().signature)"
    )
    tasks = [made(name, 2, seed=3) for name in IDS]
    here = [f"{[*task.samples('train')[:9], *task.samples('test')[:4]]} {task.tokenizer().signature}" for task in tasks]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert run.stdout.decode().splitlines() == here


@every_task
def test_a_million_samples_take_no_memory(name):
    made(name).samples("train")[0]  # what is read once per process
    tracemalloc.start()
    samples = made(name, train_size=10**6).samples("train")
    huge = made(name, train_size=10**15).samples("train")
    last = samples[999_999], huge[10**15 - 1]
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    assert len(samples) == 10**6
    assert last[0] == samples[-1] == samples[np.int64(999_999)]
    assert last[1] == huge[-1] != last[0]


@every_task
def test_an_index_beyond_the_end_is_refused(name):
    samples = made(name, test_size=10).samples("test")
    for index in (10, -11):
        with pytest.raises(IndexError, match=f"The split 'test' has 10 samples; there is no sample {index}"):
            samples[index]


@every_task
def test_samples_survive_a_pickle(name):
    samples = pickle.loads(pickle.dumps(made(name, 2, seed=1).samples("validation")))
    assert samples[:3] == made(name, 2, seed=1).samples("validation")[:3]


@every_task
def test_an_unknown_split_is_refused(name):
    with pytest.raises(ConfigError, match=f"The task '{name}' has no split 'valid'. Did you mean 'validation'"):
        made(name).samples("valid")
