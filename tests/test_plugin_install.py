"""A small package of somebody else, installed by pip into a fresh environment, whose reward is used by its name."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from tests.conftest import ROOT
from tests.test_plugins import RECIPE

pytestmark = pytest.mark.slow

METADATA = "Metadata-Version: 2.1\nName: polite\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILES = {
    "polite.py": RECIPE,
    "polite-1.0.dist-info/METADATA": METADATA,
    "polite-1.0.dist-info/WHEEL": WHEEL,
    "polite-1.0.dist-info/entry_points.txt": "[textgym.rewards]\npoliteness = polite\n",
}
ENVIRONMENT = """
import gymnasium as gym, polite, textgym
env = gym.make("textgym/Translation-v0", reward="politeness", tokenizer="byte")
reward = env.unwrapped.episodes.reward
print(reward(["Danke sehr"], [textgym.Sample("p", "x")]).tolist(), polite.__file__)
"""
TRAINING = """
import warnings; warnings.simplefilter("ignore")
import torch; torch.set_num_threads(1)
from stable_baselines3.common.logger import KVWriter, Logger
from agents import PPO, TransformerPolicy, make_vec_env
envs = make_vec_env("textgym/Translation-v0", num_envs=4, reward="politeness - 0.1*length", tokenizer="byte",
                    max_prompt_tokens=16, max_new_tokens=4, overlong="truncate")
model = dict(model_type="gpt2", n_embd=16, n_layer=1, n_head=2, n_positions=32)
ppo = PPO(TransformerPolicy, envs, rollout_responses=8, batch_size=8, n_epochs=1, seed=0,
          policy_kwargs=dict(model=model))
class Writer(KVWriter):
    def write(self, values, excluded, step=0): print(sorted(name for name in values if name.startswith("reward/")))
    def close(self): pass
ppo.set_logger(Logger(None, [Writer()]))
ppo.learn(32)
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return a function that runs the Python of an environment of its own, into which pip has installed a package.

    It sees textgym and what that needs through a path file; the package is in its own folder.
    """
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("fresh")
    wheel = folder / "polite-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
        record = "".join(f"{name},,\n" for name in [*FILES, "polite-1.0.dist-info/RECORD"])
        archive.writestr("polite-1.0.dist-info/RECORD", record)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    def run(*arguments, stdin=""):
        done = subprocess.run(
            [str(python), *arguments], input=stdin, capture_output=True, text=True, env=variables, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    own = run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    assert own.startswith(str(folder))
    with open(f"{own}/textgym_and_needs.pth", "w", encoding="utf-8") as file:
        file.write(f"{ROOT}\n{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    installing = "-m pip install --no-index --no-deps --disable-pip-version-check"
    run(*installing.split(), str(wheel))
    return run


def test_an_installed_reward_is_found_by_its_name_in_environments(fresh):
    score, _, path = fresh("-c", ENVIRONMENT).partition(" ")
    assert score == "[0.5]"
    assert "/fresh" in path
    assert sys.prefix not in path


def test_an_installed_reward_is_found_by_its_name_on_the_command_line(fresh):
    score = ["-m", "textgym", "score", "-m", "politeness,length", "--resamples", "0", "--json"]
    told = json.loads(fresh(*score, stdin="danke x\ny z\n"))["systems"]["-"]
    assert {name: value["score"] for name, value in told.items()} == {"politeness": 0.25, "length": 2.0}
    assert "politeness on 20 samples" in fresh(
        "-m", "textgym", "check", "--reward", "politeness", "--num-samples", "20"
    )
    assert "politeness" in fresh("-m", "textgym", "list")


def test_an_installed_reward_is_learned_from(fresh):
    assert "['reward/length', 'reward/politeness']" in fresh("-c", TRAINING)
