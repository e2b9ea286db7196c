"""The benchmark of environments: what it measures and prints; no time is asserted."""

import gymnasium as gym
import pytest

from benchmarks import environments


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LANES", 3)


@pytest.mark.usefixtures("few")
def test_a_line_has_the_columns_and_the_median_ratio() -> None:
    line = environments.measure("textgym/Count-v0", 3)
    assert line.id == "textgym/Count-v0"
    assert line.columns == (13, 2)
    assert 0 < line.ratio <= line.worst
    assert environments.row(line._replace(ours=1.25, base=5.0, ratio=0.25, worst=0.5)).endswith(
        "| 13 + 2 | 1.25 | 5.00 | 0.25 | 0.50 |"
    )


@pytest.mark.usefixtures("few")
def test_a_stepper_makes_the_same_steps_each_time() -> None:
    envs = gym.make_vec("textgym/Brackets-v0", num_envs=3)
    taken = []
    envs.unwrapped.step = lambda actions: taken.append(actions.tolist())
    play = environments.stepper(envs, 4)
    play()
    play()
    assert len(taken) == 8
    assert taken[:4] == taken[4:]


@pytest.mark.usefixtures("few")
def test_the_command_prints_a_table_and_why_an_environment_is_missing(monkeypatch, capsys) -> None:
    gym.register(
        "tests/Nowhere-v0",
        entry_point="textgym.env:TextGenerationEnv",
        vector_entry_point="textgym.vector:TextGenerationVectorEnv",
        kwargs={"task": "nowhere"},
    )
    arguments = ["environments", "textgym/Count-v0", "tests/Nowhere-v0", "--rounds", "1"]
    monkeypatch.setattr("sys.argv", arguments)
    environments.main()
    del gym.registry["tests/Nowhere-v0"]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| textgym/Count-v0 | 13 + 2 |")
    assert lines[3].startswith("| tests/Nowhere-v0 | cannot be made: Unknown task 'nowhere'")


def test_every_default_is_registered() -> None:
    assert {f"textgym/{name}-v0" for name in environments.NAMES.split()} <= set(gym.registry)
