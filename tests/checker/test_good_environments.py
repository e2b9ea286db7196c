"""Environments that keep their contracts pass, and the report says what was checked and what was not."""

import gymnasium as gym
import pytest

import tests.talks
import tests.tiny  # noqa: F401  (both register environments)
import textgym
from tests.checker.letters import Letters
from textgym import check_text_env
from textgym.checker import CHECKS
from textgym.errors import CheckError, ConfigError, TextGymError
from textgym.wrappers import RepeatPrompts, StartFromPrefix

ONLY_OURS = {"scores": "does not apply: it has no `episodes` with a reward without state to judge anew"}


def test_an_environment_of_somebody_else_passes_without_a_spec():
    assert check_text_env(Letters()) == dict.fromkeys(CHECKS, "holds") | ONLY_OURS


def test_an_environment_of_somebody_else_passes_by_id(monkeypatch):
    gym.register("tests_checker/Letters-v0", Letters)
    try:
        assert check_text_env(gym.make("tests_checker/Letters-v0")) == dict.fromkeys(CHECKS, "holds") | ONLY_OURS
    finally:
        del gym.registry["tests_checker/Letters-v0"]


@pytest.mark.parametrize("seed", [1, 17, 2**40])
def test_the_seed_is_the_callers(seed):
    assert "FAILS" not in check_text_env(gym.make("tests/TinyShaped-v0"), seed).values()


def test_a_dialogue_whose_window_an_eos_fills_passes():
    env = gym.make("tests/Talk-v0", max_new_tokens=1, max_turn_tokens=1)
    assert check_text_env(env)["eos"] == "holds"


class Bare(Letters):
    """Without anything that is optional."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self):
        super().__init__(render_mode=None)
        del self.tokenizer, self.num_samples

    def __getattribute__(self, name):
        if name in ("snapshot", "restore"):
            raise AttributeError(name)
        return super().__getattribute__(name)


def test_what_an_environment_does_not_have_is_said():
    report = check_text_env(Bare())
    assert {name: outcome for name, outcome in report.items() if outcome != "holds"} == ONLY_OURS | {
        "snapshots": "does not apply: it has no snapshot()",
        "decoding": "does not apply: it tells no tokenizer (an attribute `tokenizer`)",
        "unicode": "does not apply: it tells no tokenizer (an attribute `tokenizer`)",
        "rendering": "does not apply: it has no render mode that can be tried (without a spec only its own)",
    }


def test_what_is_told_must_be_an_environment():
    with pytest.raises(ConfigError, match=r"takes a gymnasium.Env, made with gym.make, got str"):
        check_text_env("textgym/Translation-v0")


def test_a_failure_is_an_assertion_and_an_error_of_the_library():
    assert issubclass(CheckError, AssertionError)
    assert issubclass(CheckError, TextGymError)
    assert textgym.check_text_env is check_text_env


@pytest.mark.parametrize("around", [lambda env: StartFromPrefix(env, 0.5), lambda env: RepeatPrompts(env, 2)])
def test_wrappers_hold(around):
    assert set(check_text_env(around(gym.make("textgym/Copy-v0", disable_env_checker=True))).values()) >= {"holds"}


def test_a_reward_that_learns_from_episodes_is_checked_where_it_stands_still():
    reward = "running_norm(edit_similarity)"
    with pytest.raises(ConfigError, match=r"learns from every episode of the split 'train'.*split='test'"):
        check_text_env(gym.make("textgym/Copy-v0", reward=reward))
    assert "holds" in check_text_env(gym.make("textgym/Copy-v0", reward=reward, split="test")).values()
