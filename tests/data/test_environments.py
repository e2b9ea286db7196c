"""Environments on a user's data: what their specs and pickles hold."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.tiny import all_ids, small
from textgym import Sample, Task, register_env, register_task
from textgym.errors import ConfigError, DataError

ID = "textgym/Translation-v0"
SHORT = {"tokenizer": "byte", "max_prompt_tokens": 32, "max_new_tokens": 4}


@pytest.fixture
def pairs(tmp_path):
    (tmp_path / "pairs.csv").write_text("en,de\n" + "".join(f"prompt {i},reference {i}\n" for i in range(3_000)))
    (tmp_path / "train.en").write_text("a\nb\n")
    (tmp_path / "train.de").write_text("c\nd\n")
    return tmp_path


COLUMNS = {"prompt": "en", "references": ["de"]}
FORMS = [
    (lambda folder: folder / "pairs.csv", {"columns": COLUMNS}),
    (lambda folder: str(folder / "pairs.csv"), {"columns": COLUMNS, "on_bad_row": "skip", "max_chars": 50}),
    (lambda folder: folder, {"columns": COLUMNS}),
    (lambda folder: {"prompt": folder / "train.en", "references": [folder / "train.de"]}, {}),
    (lambda folder: {"train": {"prompt": str(folder / "train.en"), "references": str(folder / "train.de")}}, {}),
    (lambda folder: {"train": [folder / "pairs.csv"] * 2}, {"columns": COLUMNS, "by_prompt": True}),
]


@pytest.mark.parametrize(("form", "options"), FORMS)
@pytest.mark.parametrize("vector", [False, True], ids=["single", "vector"])
def test_specs_on_paths_are_json_and_make_the_same_environment(pairs, form, options, vector):
    make = (lambda *what, **how: gym.make_vec(*what, num_envs=2, **how)) if vector else gym.make
    env = make(ID, data=form(pairs), **options, **SHORT)
    spec = json.loads(env.spec.to_json())
    again = (gym.make_vec if vector else gym.make)(gym.envs.registration.EnvSpec.from_json(json.dumps(spec)))
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])


def test_registered_paths_are_json_too(pairs):
    register_env("tests/Pairs-v0", task="translation", data=pairs / "pairs.csv", columns=COLUMNS, **SHORT)
    try:
        assert gym.make("tests/Pairs-v0").reset(options={"index": 7})[1]["prompt"] == "prompt 7"
        assert json.loads(gym.spec("tests/Pairs-v0").to_json())["kwargs"]["data"] == str(pairs / "pairs.csv")
    finally:
        gym.registry.pop("tests/Pairs-v0")


@pytest.mark.parametrize("name", ["column", "on_bad_rows", "by_promt"])
def test_misspelt_options_of_the_reader_are_refused(pairs, name):
    with pytest.raises(ConfigError, match=f"has no option '{name}'. Did you mean"):
        gym.make(ID, data=pairs / "pairs.csv", **{name: "error"}, **SHORT)


def test_what_only_the_reader_has_is_no_option(pairs):
    with pytest.raises(ConfigError, match="has no option 'like'"):
        gym.make(ID, data=pairs / "pairs.csv", like="x", **SHORT)


def small_pickle(env, **reset):
    """Return the environment from its pickle, which must be small."""
    data = pickle.dumps(env)
    assert len(data) < 100_000
    return pickle.loads(data)


@pytest.mark.parametrize("id", all_ids())
def test_pickles_of_registered_environments_leave_the_samples_behind(id):
    arguments = small(id) or {"tokenizer": "byte", "overlong": "truncate", "max_prompt_tokens": 16, "max_new_tokens": 3}
    env = gym.make(id, **arguments)
    first = env.reset(seed=0)[0]
    again = small_pickle(env).unwrapped
    assert again.episodes.samples[0] == env.unwrapped.episodes.samples[0]
    np.testing.assert_array_equal(again.step(0)[0], env.step(0)[0])  # the episode goes on
    np.testing.assert_array_equal(again.reset(seed=0)[0], first)
    envs = gym.make_vec(id, num_envs=2, **arguments)
    envs.reset(seed=0)
    np.testing.assert_array_equal(small_pickle(envs).reset(seed=0)[0], envs.reset(seed=0)[0])


@register_task("tests-heavy")
class Heavy(Task):
    """Holds its samples itself."""

    def __init__(self, size: int = 20_000) -> None:
        self.rows = [Sample(f"prompt {i}", f"reference {i}") for i in range(size)]

    def samples(self, split: str) -> list[Sample]:
        return self.rows


def test_a_registered_task_is_built_again_by_its_name_and_options():
    from textgym.env import TextGenerationEnv

    env = TextGenerationEnv("tests-heavy", size=10_000, **SHORT)
    again = small_pickle(env)
    assert (again.num_samples, again.episodes.samples[9_999].prompt) == (10_000, "prompt 9999")


@pytest.mark.parametrize(("form", "options"), FORMS)
def test_pickles_on_files_hold_their_paths_and_open_them_again(pairs, form, options):
    env = gym.make(ID, data=form(pairs), **options, **SHORT).unwrapped
    env.reset(seed=0)
    data = pickle.dumps(env)
    assert len(data) < 15_000
    np.testing.assert_array_equal(pickle.loads(data).reset(seed=1)[0], env.reset(seed=1)[0])
    for path in pairs.iterdir():
        path.write_text(path.read_text() + "more,more\n")
    with pytest.raises(DataError, match="changed after it was opened: make the environment again"):
        pickle.loads(data)


def test_another_process_reads_the_same_from_a_pickle(pairs):
    env = gym.make(ID, data=pairs / "pairs.csv", columns=COLUMNS, **SHORT).unwrapped
    (pairs / "env.pickle").write_bytes(pickle.dumps(env))
    program = "import pickle, sys; env = pickle.load(open(sys.argv[1], 'rb')); print(env.reset(seed=3)[1]['prompt'])"
    arguments = [sys.executable, "-c", program, str(pairs / "env.pickle")]
    out = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout.strip() == env.reset(seed=3)[1]["prompt"]


def test_specs_on_samples_are_json_as_samples_are_plain():
    env = gym.make(ID, data=[Sample("a", "b"), Sample("c", ("d", "e"))], **SHORT)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.reset(options={"index": 1})[1] == env.reset(options={"index": 1})[1]


def test_paths_in_arguments_become_strings_and_nothing_else_changes():
    from textgym.arguments import paths_as_strings

    samples = [Sample("a", "b")]
    assert paths_as_strings(samples) is samples
    assert paths_as_strings({"train": Path("a"), "test": [Path("b"), "c"], "n": 1}) == {
        "train": "a",
        "test": ["b", "c"],
        "n": 1,
    }
