"""Small packages of somebody else, installed by pip into a fresh environment, whose reward and task are used."""

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

WHEEL = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
# the whole module of a package that brings a task and its environment
GREETER = '''\
"""Answers to greetings."""

from textgym import Sample, Task, register_env, register_task

PAIRS = [("hello", "good day"), ("bye", "see you"), ("thanks", "no problem")]


@register_task("greetings")
class Greetings(Task):
    """Answer a greeting."""

    reward = "chrf"
    max_prompt_tokens = max_new_tokens = 12

    def __init__(self, shout: bool = False) -> None:
        self.shout = shout

    def samples(self, split: str) -> list[Sample]:
        """Return the same three in each split."""
        return [Sample(prompt.upper() if self.shout else prompt, answer) for prompt, answer in PAIRS]


register_env("greeter/Greetings-v0", task="greetings", tokenizer="byte")
'''
PACKAGES = {
    "polite": (RECIPE, "[textgym.rewards]\npoliteness = polite\n"),
    "greeter": (GREETER, "[textgym.tasks]\ngreetings = greeter\n"),
}
ENVIRONMENT = """
import gymnasium as gym, polite, textgym
env = gym.make("textgym/Translation-v0", reward="politeness", tokenizer="byte")
reward = env.unwrapped.episodes.reward
print(reward(["Danke sehr"], [textgym.Sample("p", "x")]).tolist(), polite.__file__)
"""
TRAINING = """
import sys, warnings; warnings.simplefilter("ignore")
import torch; torch.set_num_threads(1)
from stable_baselines3.common.logger import KVWriter, Logger
from agents import PPO, TransformerPolicy, make_vec_env
envs = make_vec_env(sys.argv[1], num_envs=4, reward="politeness - 0.1*length", tokenizer="byte",
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


MADE_BY_ID = """
import warnings; warnings.simplefilter("error")
import gymnasium as gym, json, numpy as np, pickle, textgym
env = gym.make("greeter:greeter/Greetings-v0", shout=True)  # Gymnasium imports the module in front of the colon
observation, info = env.reset(seed=3)
envs = gym.make_vec("greeter/Greetings-v0", num_envs=3, split="test")
first = envs.reset(seed=3)[0]
single = gym.make("greeter/Greetings-v0", split="test")
equal = bool((single.reset(seed=4)[0] == first[1]).all())
for token in b"good day":
    envs.step(np.full(3, token))
rewards = envs.step(np.full(3, single.unwrapped.episodes.eos))[1]
again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
task = pickle.loads(pickle.dumps(single)).unwrapped.episodes.task
told = dict(prompt=info["prompt"], again=again.reset(seed=3)[1]["prompt"], equal=equal, best=float(rewards.max()),
            known="greetings" in textgym.list_tasks(), task=type(task).__name__)
print(json.dumps(told))
"""


def build(folder, name):
    """Write the wheel of a package and return its path."""
    module, points = PACKAGES[name]
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": points,
    }
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"]))
    return wheel


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return a function that runs the Python of an environment of its own, into which pip has installed the packages.

    It sees textgym and what that needs through a path file; the packages are in its own folder.
    """
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("fresh")
    wheels = [str(build(folder, name)) for name in PACKAGES]
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
    run(*installing.split(), *wheels)
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
    assert "['reward/length', 'reward/politeness']" in fresh("-c", TRAINING, "textgym/Translation-v0")


def test_the_environment_of_an_installed_task_is_made_by_its_id_alone_and_in_lanes(fresh):
    told = json.loads(fresh("-c", MADE_BY_ID))
    assert told.pop("prompt") == told.pop("again") in ("HELLO", "BYE", "THANKS")
    assert 0 < told.pop("best") <= 1
    assert told == {"equal": True, "known": True, "task": "Greetings"}


def test_an_installed_task_is_told_on_the_command_line(fresh):
    text = fresh("-m", "textgym", "info", "greetings")
    assert "Answer a greeting." in text
    assert "samples     train 3, validation 3, test 3" in text
    assert "greetings" in fresh("-m", "textgym", "list")


def test_an_installed_task_is_learned_from(fresh):
    assert "['reward/length', 'reward/politeness']" in fresh("-c", TRAINING, "greeter:greeter/Greetings-v0")
