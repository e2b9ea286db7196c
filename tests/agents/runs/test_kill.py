"""SIGKILL at random moments of a run: nothing unloadable, at most one interval lost, and the same end."""

import multiprocessing
import os
import random
import time

import pytest
import torch

from agents import SFT
from agents.checkpoints.folders import TEMPORARY
from agents.runs.phase import phases_of
from agents.runs.resume_point import find_point
from agents.runs.run_folder import RunFolder
from agents.runs.setup import LEARNERS
from agents.train import resume, train
from tests.agents.interrupted import small, trace


def work(config, path):
    """Begin the run, or go on with it; what it tells is not needed."""
    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    if (path / "config.yaml").is_file():
        resume(path, say=lambda line: None)
    else:
        train(config, say=lambda line: None)


@pytest.fixture(scope="module")
def context():
    """Processes that are forked from one that has torch and waits, so that each begins in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.agents.runs.test_kill"])
    return context


def kills_until_the_end(context, config, path, limit, rng):
    """Run and kill, again and again, at random moments; then let it end. Return how often it was killed at work."""
    killed = 0
    while True:
        process = context.Process(target=work, args=(config, path))
        process.start()
        if killed < limit:
            _wait_for_progress(path, process, rng)
            process.kill()
        process.join(timeout=200)
        if process.exitcode == 0:
            return killed
        assert process.exitcode == -9, f"it died by itself: exit code {process.exitcode}"
        killed += 1
        check(config, path)


def _wait_for_progress(path, process, rng):
    """Wait for a random number of new checkpoints, then for a random moment."""
    before, wanted = _checkpoints(path), rng.choice([0, 1, 1, 2])
    while len(_checkpoints(path) - before) < wanted and process.is_alive():
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.2))


def _checkpoints(path):
    return set(path.glob("checkpoints/steps/*/step_*"))


def check(config, path):
    """Check what a kill has left: the newest checkpoint loads, and little was learned after it."""
    if not (path / "config.yaml").is_file():
        return
    told = []
    run = RunFolder(path)
    point = find_point(run, phases_of(config), told.append)
    assert told == []
    assert len([p for p in path.glob("checkpoints/**/*") if TEMPORARY.fullmatch(p.name)]) <= 1
    mark = 0 if point is None else point.notes["metrics"]
    rows = [row for row in (path / "metrics.jsonl").read_bytes()[mark:].splitlines() if b"rollout/ep_rew_mean" in row]
    assert len(rows) <= 1, "one rollout is one interval here"
    if point is not None:
        learner = LEARNERS[config.reinforcement.algorithm]
        (SFT if point.phase.checkpoint == "warm-start" else learner).load(point.path)


def kill(context, tmp_path, kills, *overrides):
    config = small(tmp_path, ("checkpoints.every_updates", "1"), *overrides)
    killed = kills_until_the_end(context, config, tmp_path / "run", kills, random.Random(0))
    assert killed == kills, "the run ended too early: make it longer"
    return trace(tmp_path / "run")


@pytest.mark.timeout(1200)
def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(context, tmp_path, killed):
    assert kill(context, tmp_path, 5) == trace(killed / "run")


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_kills(context, tmp_path):
    longer = [("warm_start.total_timesteps", "2000"), ("reinforcement.total_timesteps", "16000")]
    (tmp_path / "other").mkdir()
    expected = train(small(tmp_path / "other", *longer), say=lambda line: None)
    assert kill(context, tmp_path, 100, *longer) == trace(expected)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("algorithm", ["A2C", "GRPO", "RLOO"])
def test_the_other_algorithms_are_killed_too(context, tmp_path, algorithm):
    options = "{rollout_responses: 8, kl_coef: 0.1, slots: 3" + (
        ", responses_per_prompt: 2}" if algorithm != "A2C" else "}"
    )
    given = [("reinforcement.algorithm", algorithm), ("reinforcement.options", options)]
    longer = [("warm_start.total_timesteps", "200"), ("reinforcement.total_timesteps", "3000")]
    (tmp_path / "other").mkdir()
    expected = train(small(tmp_path / "other", *given, *longer), say=lambda line: None)
    assert kill(context, tmp_path, 10, *given, *longer) == trace(expected)
