"""Samples are read one by one, when they are played; what a step does not depend on how many there are."""

import sys
import tracemalloc
from collections.abc import Sequence

import gymnasium as gym
import numpy as np
import pytest

from tests.suite.ids import actions, every_id, small
from tests.talks import Talk
from tests.tiny import TOKENIZER, Tiny
from textgym import Sample
from textgym.dialogue.env import DialogueEnv
from textgym.dialogue.vector import DialogueVectorEnv
from textgym.editing.env import EditEnv
from textgym.editing.vector import EditVectorEnv
from textgym.env import TextGenerationEnv
from textgym.vector import TextGenerationVectorEnv

MILLION = 1_000_000


class Counted(Sequence):
    """Samples that count how often one is read."""

    def __init__(self, samples):
        self.samples = samples
        self.read = 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.read += 1
        return self.samples[index]


@pytest.mark.parametrize("id", every_id())
def test_a_step_reads_no_sample_and_a_reset_reads_its_own(id):
    env = gym.make(id, **small(id))
    episodes = env.unwrapped.episodes
    episodes.samples = counted = Counted(episodes.samples)
    row = iter(actions(env, id, 200, 1)[:, 0])
    for seed in range(5):
        env.reset(seed=seed, options={"index": seed % len(counted)})
        assert counted.read == 1
        over = False
        while not over:
            *_, terminated, truncated, _ = env.step(next(row))
            over = terminated or truncated
        assert counted.read == 1
        counted.read = 0


class Generated(Sequence):
    """As many samples as one likes, none of which is kept."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        letters = "".join("abcdefgh"[(index >> shift) % 8] for shift in (0, 3, 6))
        return Sample(letters, (letters[::-1],), {"word": letters[0]})


class Many(Tiny):
    """The tiny task, with as many samples as one likes."""

    def __init__(self, size):
        self.size = size

    def samples(self, split):
        return Generated(self.size)


class ManyTalks(Talk):
    """The same for dialogues."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def samples(self, split):
        return Generated(self.size)


PLAYED = {
    "writing": (TextGenerationEnv, TextGenerationVectorEnv, Many, 0),
    "shaped": (TextGenerationEnv, TextGenerationVectorEnv, Many, 0),
    "editing": (EditEnv, EditVectorEnv, Many, np.array([2, 0, 0])),
    "dialogue": (DialogueEnv, DialogueVectorEnv, ManyTalks, TOKENIZER.eos_id),
}


def made(name, size, lanes):
    single, vector, task, action = PLAYED[name]
    arguments = {"shaped": {"shaping": "potential"}, "editing": {"max_draft_tokens": 20}}.get(name, {})
    if not lanes:
        return single(task(size), **arguments), action
    return vector(task(size), num_envs=lanes, **arguments), np.array([action] * lanes)


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("lanes", [0, 8])
def test_memory_of_a_million_samples_is_that_of_ten(name, lanes):
    peaks = []
    for size in (10, 10, MILLION):  # the first time fills what is made once
        tracemalloc.start()
        env, action = made(name, size, lanes)
        for _ in range(20):
            env.reset(seed=0)
            env.step(action)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 100_000


def calls_of(function, *arguments):
    """Count the calls, of Python and of C, that a call leads to."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("lanes", [0, 8])
def test_a_step_and_a_reset_make_as_many_calls_among_a_million_samples_as_among_ten(name, lanes):
    counts = []
    for size in (10, MILLION):
        env, action = made(name, size, lanes)
        index = {"index": np.arange(lanes) if lanes else 3}
        for _ in range(2):
            env.reset(seed=0, options=index)
            env.step(action)
        env.reset(seed=0, options=index)
        counts.append([calls_of(env.step, action), calls_of(lambda: env.reset(seed=0))])  # noqa: B023
    assert counts[0][0] == counts[1][0] > 5
    assert counts[1][1] < counts[0][1] * 1.5 + 50  # a drawn prompt may be longer, and be drawn twice
