"""Rewards and tasks of other packages, in one small file each, in processes that know nothing of these tests."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from textgym import make_reward, permit
from textgym.errors import ConfigError

# a whole plug-in package: this file and one line of metadata
RECIPE = '''\
"""How polite a response is."""

from textgym import register_reward

WORDS = {"please", "thanks", "bitte", "danke"}


@register_reward("politeness")
def politeness(response, sample):
    """The share of polite words."""
    words = response.lower().split()
    return sum(word in WORDS for word in words) / max(1, len(words))
'''
TASK = '''\
import textgym


class Greetings(textgym.Task):
    """Answers to greetings."""

    reward = "politeness"
    max_prompt_tokens = max_new_tokens = 8
    splits = ("train", "validation", "test")

    def samples(self, split):
        return [textgym.Sample("hi", "hi"), textgym.Sample("bye", ("bye", "bye"))]
'''
MAIN = "import sys; from textgym.cli import main; sys.exit(main())"


@pytest.fixture
def site(tmp_path):
    """A folder of packages as pip leaves them: a good plug-in and one that fails to import."""
    folder = tmp_path / "site"
    install(folder, "polite", {"polite.py": RECIPE, "greetings.py": TASK}, rewards={"politeness": "polite"})
    with open(folder / "polite-1.0.dist-info" / "entry_points.txt", "a") as file:
        file.write("[textgym.tasks]\ngreetings = greetings:Greetings\n")
    return folder


def install(folder, name, files, rewards):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = "".join(f"{reward} = {value}\n" for reward, value in rewards.items())
    (info / "entry_points.txt").write_text(f"[textgym.rewards]\n{points}")
    for path, content in files.items():
        (folder / path).write_text(content)


def run(*arguments, site, code=MAIN, stdin="", cwd=None):
    path = os.pathsep.join([str(ROOT), str(site)])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, cwd=cwd)


def test_the_recipe_is_at_most_twelve_lines_of_code():
    lines = [line for line in RECIPE.splitlines() if line.strip()]
    assert len(lines) <= 12


def test_a_plugin_is_used_by_name_in_environments(site):
    code = (
        "import gymnasium as gym, textgym, sys\n"
        "assert 'polite' not in sys.modules\n"
        "env = gym.make('textgym/Translation-v0', reward='0.5*politeness + 0.5*bleu', tokenizer='byte')\n"
        "reward = env.unwrapped.episodes.reward\n"
        "print(reward(['Danke sehr'], [textgym.Sample('p', 'x')]), 'greetings' in textgym.list_tasks())\n"
        "envs = textgym.vector.TextGenerationVectorEnv('greetings', num_envs=2, tokenizer='byte')\n"
        "envs.reset(seed=0); print(envs.episodes.reward.name)"
    )
    found = run(site=site, code="import textgym.vector\n" + code)
    assert found.stdout == "[0.25] True\npoliteness\n", found.stderr


def test_a_plugin_is_used_by_name_on_the_command_line(site):
    found = run(
        "score", "-m", "politeness,1 - politeness", "--resamples", "0", "--json", site=site, stdin="danke x\ny\n"
    )
    assert found.returncode == 0, found.stderr
    scores = json.loads(found.stdout)["systems"]["-"]
    assert [told["score"] for told in scores.values()] == [0.25, 0.75]
    found = run("check", "--reward", "politeness", "--task", "greetings", site=site)
    assert found.returncode == 0, found.stderr
    assert "politeness on 2 samples" in found.stdout


@pytest.mark.slow
def test_a_plugin_is_learned_from_and_its_parts_are_logged(site):
    pytest.importorskip("stable_baselines3")
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "import torch; torch.set_num_threads(1)\n"
        "from agents import PPO, TransformerPolicy, make_vec_env\n"
        "from stable_baselines3.common.logger import Logger, KVWriter\n"
        "envs = make_vec_env('textgym/Translation-v0', num_envs=4, reward='politeness - 0.1*length',\n"
        "                    tokenizer='byte', max_prompt_tokens=16, max_new_tokens=4, overlong='truncate')\n"
        "model = dict(model_type='gpt2', n_embd=16, n_layer=1, n_head=2, n_positions=32)\n"
        "ppo = PPO(TransformerPolicy, envs, rollout_responses=8, batch_size=8, n_epochs=1, seed=0,\n"
        "          policy_kwargs=dict(model=model))\n"
        "class Writer(KVWriter):\n"
        "    def write(self, values, excluded, step=0): print(sorted(k for k in values if k.startswith('reward/')))\n"
        "    def close(self): pass\n"
        "ppo.set_logger(Logger(None, [Writer()]))\n"
        "ppo.learn(32)\n"
    )
    found = run(site=site, code=code)
    assert found.returncode == 0, found.stderr
    assert "['reward/length', 'reward/politeness']" in found.stdout


BROKEN = {  # what the file holds, what the entry point says, what is wrong
    "missing": ("import no_such_module\n", "missing:reward", "fails to import: ModuleNotFoundError: No module named"),
    "leaving": ("raise SystemExit(3)\n", "leaving:reward", "fails to import: SystemExit: 3"),
    "lacking": ("x = 1\n", "lacking:reward", "has no attribute 'reward'"),
    "number": ("reward = 5\n", "number:reward", "a reward is a Reward class or a function (response, sample) -> float"),
    "silent": ("x = 1\n", "silent", "importing 'silent' registers no reward 'silent'"),
}


def test_broken_plugins_are_named_and_break_nothing_else(site):
    for name, (content, point, _) in BROKEN.items():
        install(site, name, {f"{name}.py": content}, {name: point})
    found = run("doctor", "--json", site=site)
    assert found.returncode == 1
    problems = {plugin["name"]: plugin["problem"] for plugin in json.loads(found.stdout)["plugins"]}
    for name, (_, point, problem) in BROKEN.items():
        assert f"The reward '{name}' comes from '{point}' (package {name}), which" in problems[name]
        assert problem in problems[name]
    assert problems["politeness"] == problems["greetings"] == ""
    found = run("score", "-m", "politeness", "--resamples", "0", site=site, stdin="danke\n")
    assert found.returncode == 0, found.stderr
    found = run("score", "-m", "leaving", site=site, stdin="danke\n")
    assert found.returncode == 2
    assert "package leaving" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_name_that_is_taken_or_announced_twice_is_told(site):
    install(site, "thief", {"thief.py": RECIPE}, {"bleu": "thief:politeness", "politeness": "thief:politeness"})
    found = run("doctor", "--json", site=site)
    assert found.returncode == 1
    plugins = json.loads(found.stdout)["plugins"]
    problems = {plugin["problem"] for plugin in plugins if plugin["name"] in ("bleu", "politeness")}
    assert any(problem.startswith("the name is taken") for problem in problems)
    assert any("is announced more than once: 'polite' (package polite), 'thief:politeness'" in p for p in problems)
    found = run("score", "-m", "length", "--resamples", "0", site=site, stdin="danke\n")
    assert found.returncode == 0


def test_a_module_beside_one_serves_on_the_command_line(tmp_path):
    (tmp_path / "mine.py").write_text(RECIPE + "\n\nclass Box:\n    inner = staticmethod(politeness)\n")
    for metric in ("mine:politeness", "mine:Box.inner"):
        found = run("score", "-m", metric, "--resamples", "0", "--json", site="", stdin="danke x\n", cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["systems"]["-"][metric]["score"] == 0.5
    plugin = ["--plugin", "mine", "score", "-m", "1 - politeness", "--resamples", "0", "--json"]
    found = run(*plugin, site="", stdin="danke x\n", cwd=tmp_path)
    assert json.loads(found.stdout)["systems"]["-"]["1 - politeness"]["score"] == 0.5
    found = run("score", "-m", "mine:nothing", site="", stdin="x\n", cwd=tmp_path)
    assert "The reward 'mine:nothing' cannot be found: module 'mine' has no attribute 'nothing'" in found.stderr
    assert run("--plugin", "no_such", "list", site="").returncode == 2
    assert run("--plugin", site="").returncode == 2


def test_a_text_from_elsewhere_imports_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("textgym.permissions._permitted", [])
    (tmp_path / "evil_module.py").write_text(
        f"import os; os.mkdir({str(tmp_path / 'done')!r})\n\ndef f(r, s): return 0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for spec in ("evil_module:f", {"evil_module:f": 0.5}, " evil_module:f "):
        with pytest.raises(ConfigError, match=r"'evil_module:f' would import a module, .* on the command line"):
            make_reward(spec)
    permit("--reward evil_module:friend")  # another name
    with pytest.raises(ConfigError, match="would import a module"):
        make_reward("evil_module:f")
    assert not (tmp_path / "done").exists()
    permit("--reward=evil_module:f")
    assert make_reward("evil_module:f").name == "f"
    assert (tmp_path / "done").exists()


def test_doctor_tells_versions_and_what_is_missing(site):
    hide = "import sys; sys.modules['py3langid'] = None; sys.modules['vaderSentiment.vaderSentiment'] = None\n"
    found = run("doctor", site=site, code=hide + MAIN)
    assert found.returncode == 0, found.stderr
    assert "gymnasium" in found.stdout
    assert "language: The reward 'language' needs the package py3langid" in found.stdout
    assert "sentiment: The reward 'sentiment' needs the package vaderSentiment" in found.stdout
    assert 'pip install "textgym[metrics]"' in found.stdout
    code = "import sys; from textgym.cli import main; main(['doctor']); sys.exit('torch' in sys.modules)"
    assert run(site=site, code=code).returncode == 0
