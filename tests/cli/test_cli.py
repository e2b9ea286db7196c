import json
import os
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import textgym
from textgym import cli
from textgym.errors import ConfigError


def run(*arguments, **options):
    code = "import sys; from textgym.cli import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


@pytest.fixture
def verb(monkeypatch):
    """Announce entry points as an installed package would."""

    def announce(**values):
        points = [EntryPoint(name, value, cli.GROUP) for name, value in values.items()]

        def found(group, name=None):
            return [point for point in points if name in (None, point.name)]

        monkeypatch.setattr(cli, "entry_points", found)

    return announce


def test_help_lists_every_verb_and_imports_no_torch():
    code = "import sys; from textgym.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert "environments, tasks and rewards" in result.stdout


def test_list_tells_every_registered_name(capsys):
    assert cli.main(["list"]) == 0
    text = capsys.readouterr().out
    for name in ("textgym/Translation-v0", *textgym.list_tasks(), *textgym.list_rewards()):
        assert f"  {name} " in text or f"  {name}\n" in text  # what has no docstring has a line all the same
    assert cli.main(["list", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert list(listing["rewards"]) == textgym.list_rewards()
    assert "German" in listing["environments"]["textgym/Translation-v0"]


def test_a_plugin_that_fails_to_import_does_not_hide_the_others(monkeypatch, capsys):
    broken = EntryPoint("broken", "no_such_module:thing", "textgym.rewards")

    def found(group, name=None):
        return [broken] if group == "textgym.rewards" and name in (None, "broken") else []

    monkeypatch.setattr("textgym.registry.entry_points", found)
    assert cli.main(["list"]) == 0
    text = capsys.readouterr().out
    assert "cannot be used: The reward 'broken' comes from 'no_such_module:thing'" in text
    assert "exact_match" in text


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"textgym {textgym.__version__}\n"


def test_an_unknown_verb_is_one_line_and_code_2():
    result = run("lst")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: There is no verb 'lst'. Did you mean 'list'?\n"


def test_an_unknown_argument_is_one_line_and_code_2(capsys):
    assert cli.main(["list", "--jsn"]) == 2
    assert capsys.readouterr().err == "error: unrecognized arguments: --jsn: see textgym list --help.\n"


def test_verbs_come_from_entry_points(verb, capsys):
    verb(shout="builtins:print")
    assert "shout   from builtins:print" in cli.overview()
    assert cli.find_command("shout") is print


def test_a_missing_package_is_told_with_its_extra(verb, capsys):
    verb(train="no_such_package.commands:train")
    with pytest.raises(ConfigError, match="the package 'no_such_package' that Python finds is another one"):
        cli.find_command("train")


def test_a_verb_whose_dependency_is_missing_names_the_extra(verb, monkeypatch, tmp_path, capsys):
    (tmp_path / "learner.py").write_text("import no_such_package.part\n")
    monkeypatch.syspath_prepend(tmp_path)
    verb(train="learner:train")
    assert cli.main(["train"]) == 2
    assert capsys.readouterr().err == (
        "error: The verb 'train' needs the package no_such_package, which is not installed: "
        'pip install "textgym[agents]".\n'
    )


def test_interruption_is_code_130(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.CORE, "list", "tests_list:f")
    monkeypatch.setattr(cli, "find_command", lambda name: interrupted)
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_termination_is_code_143_and_leaves_through_finally(tmp_path):
    code = (
        "import sys, time\nfrom textgym import cli\n"
        "def wait(arguments):\n"
        "    try:\n        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n        print('closed', flush=True)\n"
        "cli.find_command = lambda verb: wait\nsys.exit(cli.main(['wait']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "closed\n"
    assert process.returncode == 143


def test_a_closed_pipe_is_silent():
    code = "import sys; from textgym.cli import main; sys.exit(main())"
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([sys.executable, "-c", code, "list"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 141


def test_help_imports_nothing_that_takes_long():
    heavy = ("torch", "transformers", "stable_baselines3", "datasets", "pyarrow", "matplotlib", "nltk", "scipy")
    told = f"import sys; from textgym.cli import main; main(['--help']); print(*{heavy!r}.__class__(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "textgym.cli" in modules
    assert not {*heavy} & {*modules}
