"""What an environment does is the same in every process, whatever the seed of Python's hashes."""

import hashlib
import json
import os
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.suite.ids import actions, every_id, small

PROGRAM = "import json, sys; from tests.suite.test_processes import digests; json.dump(digests(), sys.stdout)"


def digests():
    """Return a hash of what 12 steps in two lanes of each environment lead to."""
    return {id: _digest(id) for id in every_id()}


def _digest(id):
    env = gym.make_vec(id, num_envs=2, autoreset_mode="SameStep", **small(id))
    results = [env.reset(seed=5), *(env.step(row) for row in actions(env, id, 12, 2))]
    told = json.dumps([env.snapshot(), _plain(results)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value):
    """Return JSON values that keep every bit of a float."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [str(value.dtype), _plain(value.tolist())]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, float) else value


def start(hash_seed):
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, cwd=ROOT, env=environment)


@pytest.mark.timeout(240)
def test_every_environment_does_the_same_in_every_process_and_for_every_hash_seed():
    processes = [start(hash_seed) for hash_seed in ("0", "4242")]
    first, second = (json.loads(process.communicate()[0]) for process in processes)
    assert list(first) == every_id()
    assert [id for id in first if first[id] != second[id]] == []
    here = {id: _digest(id) for id in every_id() if id.startswith("tests/")}
    assert {id: first[id] for id in here} == here
