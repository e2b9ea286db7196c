"""``textgym check ID``: every checker on an environment, and the exit codes."""

import json
import sys
from importlib.metadata import EntryPoint

import gymnasium as gym
import pytest
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import tests.tiny  # noqa: F401  (its environments)
from tests.checker.letters import Letters
from tests.conftest import ROOT
from textgym import cli
from textgym.checker import CHECKS
from textgym.cli import environment_check

SB3 = EntryPoint("stable_baselines3", "stable_baselines3.common.env_checker:check_env", environment_check.GROUP)


@pytest.fixture
def announced(monkeypatch):
    """Announce checkers as an installed package would; by default the one that the project's metadata has."""

    def announce(*points):
        monkeypatch.setattr(environment_check, "entry_points", lambda group: list(points))

    announce(SB3)
    return announce


@pytest.fixture
def registered():
    """Register an environment for a test."""
    ids = []

    def register(kind):
        ids.append(f"tests_cli/{kind.__name__}-v0")
        gym.register(ids[-1], kind)
        return ids[-1]

    yield register
    for id in ids:
        del gym.registry[id]


def test_all_checkers_hold(announced, capsys):
    assert cli.main(["check", "tests/Tiny-v0", "--strict"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tests/Tiny-v0",
        "",
        "gymnasium          holds",
        "stable_baselines3  holds",
        f"textgym            {len(CHECKS)} of {len(CHECKS)} checks hold, the others do not apply",
    ]


def test_the_metadata_of_the_project_has_the_checker_of_stable_baselines3():
    section = f'[project.entry-points."{SB3.group}"]\n{SB3.name} = "{SB3.value}"\n'
    assert section in (ROOT / "pyproject.toml").read_text()
    assert SB3.load() is sb3_check_env


class Lost(Letters):
    def score(self):
        return float("nan")


class Warns(Letters):
    def reset(self, *, seed=None, options=None):
        gym.logger.warn("mind the gap")
        return super().reset(seed=seed, options=options)


def test_what_fails_is_a_sentence_and_code_1(announced, registered, capsys):
    id = registered(Lost)
    assert cli.main(["check", id]) == 1
    text = capsys.readouterr().out
    assert text.count("FAILS\n") == 2
    assert f"\n  {id}: a reward must be a finite number; got nan (float). To see it again: env.reset(seed=0)" in text
    assert "\n  AssertionError: Deterministic step rewards are not equivalent" in text


def test_a_warning_is_told_and_fails_where_it_is_asked_to(announced, registered, capsys):
    id = registered(Warns)
    assert cli.main(["check", id]) == 0
    assert capsys.readouterr().out.count("  warns: WARN: mind the gap\n") == 3
    assert cli.main(["check", id, "--strict"]) == 1


def test_json_holds_what_every_checker_says(announced, registered, capsys):
    assert cli.main(["check", registered(Letters), "--json", "--seed", "5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["environment"] == "tests_cli/Letters-v0"
    assert [finding["checker"] for finding in told["findings"]] == ["gymnasium", "stable_baselines3", "textgym"]
    assert told["findings"][-1]["checks"]["scores"].startswith("does not apply: ")


def test_arguments_go_to_the_environment(announced, capsys):
    assert cli.main(["check", "tests/Tiny-v0", "--kwargs", '{"splt": "test"}']) == 2
    assert "has no option 'splt'. Did you mean 'split'?" in capsys.readouterr().err
    assert cli.main(["check", "tests/Tiny-v0", "--kwargs", '{"max_new_tokens": 3, "shaping": "potential"}']) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give the id of an environment, or --reward: see textgym check --help."),
        (["tests/Tiny-v0", "--reward", "bleu"], "give the id of an environment, or --reward"),
        (["--reward", "bleu", "--kwargs", "{}"], "--kwargs is for an environment"),
        (["tests/Tiny-v0", "--kwargs", "{"], "--kwargs must be JSON, got '{': "),
        (["tests/Tiny-v0", "--kwargs", "[1]"], "--kwargs must be a JSON object of arguments, got '[1]'."),
        (["copy_letters"], "There is no environment 'copy_letters'. That is a task, which textgym/Copy-v0 plays."),
        (["tests/Tiny-v0", "--seed", "-1"], "seed must be at least 0, got -1"),
        (["tests/Tni-v0"], "There is no environment 'tests/Tni-v0'. Did you mean 'tests/Tiny-v0'? `textgym list`"),
        (["nowhere:tests/Tiny-v0"], "The environment 'nowhere:tests/Tiny-v0' cannot be made: ModuleNotFoundError"),
        (["CartPole-v1", "--kwargs", '{"a": 1}'], "The environment 'CartPole-v1' cannot be made: TypeError"),
    ],
)
def test_mistakes_are_one_line_and_code_2(announced, capsys, arguments, message):
    assert cli.main(["check", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_a_checker_whose_package_is_missing_is_not_run(announced, capsys):
    announced(EntryPoint("other", "no_such_package:check", environment_check.GROUP))
    assert cli.main(["check", "tests/Tiny-v0"]) == 0
    assert "other      holds" not in (text := capsys.readouterr().out)
    assert "other      not run: the package no_such_package is not installed" in text


def test_a_plugin_registers_an_environment_of_ones_own(announced, tmp_path, monkeypatch, capsys):
    (tmp_path / "own_letters.py").write_text(
        "import gymnasium\nfrom tests.checker.letters import Letters\ngymnasium.register('own/Letters-v0', Letters)\n"
    )
    monkeypatch.chdir(tmp_path)
    try:
        assert cli.main(["--plugin", "own_letters", "check", "own/Letters-v0"]) == 0
    finally:
        gym.registry.pop("own/Letters-v0", None)
        sys.modules.pop("own_letters", None)
    assert "own/Letters-v0" in capsys.readouterr().out
