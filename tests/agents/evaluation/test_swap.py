"""The swap test: a policy with one user and with another, on the same samples."""

import json

import numpy as np
import pytest
import torch

import tests.talks
from agents import PPO, TransformerPolicy, evaluate, make_vec_env, swap_test
from agents.commands import evaluate as command
from tests.agents.tiny import MODELS, sharpen
from textgym import register_simulator
from textgym.dialogue.env import DialogueEnv
from textgym.errors import ConfigError

ENV = "tests/Talk-v0"


@register_simulator("tests-parrot")
class Parrot(tests.talks.Echo):
    """Repeats what it hears, and leaves when it hears nothing."""

    def answer(self, texts, states):
        turns = super().answer(texts, states)
        return [turn._replace(text=text, over=not text) for turn, text in zip(turns, texts, strict=True)]


@pytest.fixture(scope="module")
def algorithm():
    torch.set_num_threads(1)
    envs = make_vec_env(ENV, num_envs=2)
    made = PPO(TransformerPolicy, envs, batch_size=8, policy_kwargs={"model": MODELS["gpt2"]}, seed=0)
    sharpen(made.policy)
    return made


def alone(policy, index, seed=0, **arguments):
    """Play one dialogue greedily in the single environment; return what its end tells."""
    env = DialogueEnv("tests-talk", split="train", **arguments)
    env.np_random = np.random.default_rng((seed, index))
    observation, _ = env.reset(options={"index": index})
    while True:
        with torch.no_grad():
            action, _ = policy.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(int(action))
        if terminated or truncated:
            return info


def test_each_user_is_met_on_the_same_samples_as_in_the_single_environment(algorithm):
    report = swap_test(algorithm, ENV, ["tests-echo", "tests-parrot"], split="train", batch_size=3)
    assert report.count == 4
    assert [user.simulator for user in report.users] == ["tests-echo()", "tests-parrot()"]
    for user, simulator in zip(report.users, ("tests-echo", "tests-parrot"), strict=True):
        ends = [alone(algorithm.policy, index, simulator=simulator) for index in range(4)]
        assert user.transcripts == tuple(tuple(end["transcript"]) for end in ends)
        for name in ("score", "success", "slots", "turns", "length"):
            assert user.means[name].value == pytest.approx(np.mean([end[name] for end in ends]))
        assert sum(user.finishes.values()) == 4
    first, second = (user.means["score"].value for user in report.users)
    assert report.users[0].difference is None
    assert report.users[1].difference.value == pytest.approx(second - first)
    assert [one[0] for one in report.users[0].transcripts] == [one[0] for one in report.users[1].transcripts]


def test_a_user_that_is_swapped_for_itself_makes_no_difference(algorithm):
    report = swap_test(algorithm, ENV, ["tests-echo", "tests-echo"], split="train", deterministic=False, seed=5)
    assert report.users[1].difference == (0.0, 0.0, 0.0)
    assert report.users[0].transcripts == report.users[1].transcripts
    other = swap_test(algorithm, ENV, ["tests-echo"], split="train", deterministic=False, seed=6)
    assert other.users[0].transcripts != report.users[0].transcripts
    alone = swap_test(algorithm, ENV, ["tests-echo"], split="train", deterministic=False, seed=5, batch_size=1)
    assert alone.users[0].transcripts == report.users[0].transcripts


def test_the_command_tells_both_users(algorithm, tmp_path, capsys):
    algorithm.save(tmp_path / "policy")
    names = ["--simulator", "tests-echo", "--simulator", "tests-parrot", "--num-samples", "2"]
    arguments = [str(tmp_path / "policy"), "--env", ENV, *names]
    assert command(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 dialogues of tests/Talk-v0, split 'test'; 95% bootstrap intervals"
    assert [line.split()[0] for line in lines[2:]] == ["greedy", "tests-echo()", "tests-parrot()"]
    assert command([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    expected = swap_test(tmp_path / "policy", ENV, ["tests-echo", "tests-parrot"], num_samples=2)
    assert told == json.loads(json.dumps(expected.to_json()))
    with pytest.raises(ConfigError, match="--against is not for dialogues"):
        command([*arguments, "--against", "x"])
    with pytest.raises(ConfigError, match="In a dialogue a policy writes 'greedy' or 'sampled'"):
        command([*arguments, "--decoding", "beam(num_beams=2)"])


def test_what_cannot_be_swapped_is_refused(algorithm):
    with pytest.raises(ConfigError, match="simulators is a list of at least one user"):
        swap_test(algorithm, ENV, "rule")
    with pytest.raises(ConfigError, match="num_samples must be at least 1, got 0"):
        swap_test(algorithm, ENV, ["rule"], num_samples=0)
    with pytest.raises(ConfigError, match="simulators is a list of at least one user"):
        swap_test(algorithm, ENV, 5)
    for wrong in ({"batch_size": 0}, {"batch_size": "x"}, {"seed": -1}, {"seed": "x"}, {"seed": None}):
        with pytest.raises(ConfigError, match=r"batch_size|seed"):
            swap_test(algorithm, ENV, ["rule"], **wrong)
    for name in ("simulator", "num_envs"):
        with pytest.raises(ConfigError, match=f"{name}= is set by the comparison itself"):
            swap_test(algorithm, ENV, ["rule"], **{name: 3})
    with pytest.raises(ConfigError, match="test/Letters-v0 has no dialogues"):
        swap_test(_of_one_response(), "test/Letters-v0", ["rule"])
    with pytest.raises(ConfigError, match="tests/Talk-v0 is a dialogue, in which a policy does not answer once"):
        evaluate(algorithm, ENV)


def _of_one_response():
    envs = make_vec_env("test/Letters-v0", num_envs=2)
    return PPO(TransformerPolicy, envs, batch_size=8, policy_kwargs={"model": MODELS["gpt2"]})
