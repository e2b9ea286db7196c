"""Each algorithm learns a task whose best return is known, from reward alone."""

from collections.abc import Sequence
from typing import Any

import pytest

import textgym
from agents import A2C, PPO, TransformerPolicy, evaluate, make_vec_env
from tests.agents.tiny import MODELS


@textgym.register_task("test-echo")
class Echo(textgym.Task):
    """The best response is the prompt's last letter and then nothing: the end must be learned too."""

    reward = "edit_similarity"
    max_prompt_tokens = 4
    max_new_tokens = 3

    def samples(self, split: str) -> Sequence[textgym.Sample]:
        return [textgym.Sample(a + b, (b,)) for a in "abc" for b in "abc"]


@textgym.register_task("test-silence")
class Silence(textgym.Task):
    """The best response is empty: an eos as the first action."""

    max_prompt_tokens = 4
    max_new_tokens = 4

    @staticmethod
    def reward(response: str, sample: textgym.Sample) -> float:
        return float(response == "")

    def samples(self, split: str) -> Sequence[textgym.Sample]:
        return [textgym.Sample(a) for a in "abc"]


textgym.register_env("test/Echo-v0", task="test-echo", tokenizer="char:abc")
textgym.register_env("test/Silence-v0", task="test-silence", tokenizer="char:abc")


@pytest.mark.parametrize(
    ("cls", "options", "tokens"),
    [
        pytest.param(PPO, {"batch_size": 128, "learning_rate": 3e-3, "ent_coef": 0.05}, 40_000, id="PPO"),
        pytest.param(A2C, {"learning_rate": 5e-3, "ent_coef": 0.05}, 60_000, id="A2C"),
    ],
)
def test_it_learns_to_echo_from_reward_alone(cls: Any, options: dict[str, Any], tokens: int) -> None:
    envs = make_vec_env("test/Echo-v0", num_envs=64)
    algorithm = cls(TransformerPolicy, envs, policy_kwargs={"model": MODELS["gpt2"]}, seed=0, **options)
    before = evaluate(algorithm, "test/Echo-v0", ["exact_match"], split="train", deterministic=False).scores[0].corpus
    algorithm.learn(tokens)
    after = evaluate(algorithm, "test/Echo-v0", ["exact_match"], split="train").scores[0].corpus
    assert before < 0.5
    assert after > 0.95


def test_the_end_of_text_is_learned() -> None:
    envs = make_vec_env("test/Silence-v0", num_envs=32)
    algorithm = PPO(
        TransformerPolicy, envs, batch_size=64, learning_rate=3e-3, policy_kwargs={"model": MODELS["t5"]}, seed=0
    ).learn(6_000)
    report = evaluate(algorithm, "test/Silence-v0", split="train")
    assert set(report.responses) == {""}
    assert report.mean_length == 1
