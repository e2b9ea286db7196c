"""Matrix products in bfloat16: near float32, a first ratio of exactly 1, float32 weights and losses, and it learns."""

import numpy as np
import pytest
import torch

from agents import A2C, GRPO, PPO, RLOO, TransformerPolicy, make_vec_env
from agents.learning import rescoring
from agents.models.precision import HalfPrecision
from agents.models.pretrained import make_network
from tests.agents.models.test_whole_sequences import ALL, SPACE, texts
from tests.agents.models.test_whole_sequences import made as network_of
from tests.agents.tiny import MODELS, sharpen
from textgym.errors import ModelError

ENV = "test/Letters-v0"
HALF = {"precision": "bfloat16"}


@pytest.fixture(autouse=True)
def _steps_round_otherwise(monkeypatch):
    """Let cached steps differ in the third digit, as they do for larger models: those here are too small to show it."""
    advance = HalfPrecision.advance
    monkeypatch.setattr(HalfPrecision, "advance", lambda self, *given: advance(self, *given) * (1 + 2**-8))


def made(cls, model="gpt2", num_envs=8, seed=3, **options):
    kwargs = {"model": MODELS[model], "engine": HALF, "temperature": 1.3}
    envs = make_vec_env(ENV, num_envs=num_envs, min_new_tokens=2)
    algorithm = cls(TransformerPolicy, envs, policy_kwargs=kwargs, seed=seed, **({"learning_rate": 1e-3} | options))
    sharpen(algorithm.policy, 0.5 if model == "t5" else 3.0)
    return algorithm


def collected(algorithm):
    _, callback = algorithm._setup_learn(10_000)
    assert algorithm.collect_rollouts(algorithm.env, callback, algorithm.rollout_buffer, algorithm.n_steps)
    return algorithm.logger.name_to_value["rollout/precision_gap"]


@pytest.mark.parametrize("model", ALL)
@torch.no_grad()
def test_log_probabilities_are_near_those_of_float32(model):
    exact, half = network_of(model), network_of(model, engine=HALF)
    observations, own = texts()
    found, expected = (n.evaluate_sequences(observations, own, observations[:, 9:][own]) for n in (half, exact))
    assert not torch.equal(found.log_probs, expected.log_probs)
    assert {array.dtype for array in found} == {torch.float32}
    sizes = expected.log_probs.abs().clamp(min=1)
    assert ((found.log_probs - expected.log_probs).abs() / sizes).mean() < 1e-2
    with half.in_float32():
        again = half.evaluate_sequences(observations, own, observations[:, 9:][own])
    assert torch.equal(again.log_probs, expected.log_probs)


@pytest.mark.parametrize("model", ["gpt2", "llama", "t5", "bart"])
@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (GRPO, {}),
        (GRPO, {"part_size": 13, "kl_coef": 0.1, "batch_size": 60}),
        (RLOO, {"rollout_responses": 64}),
        (PPO, {"batch_size": 30, "kl_coef": 0.1}),
        (A2C, {"rollout_responses": 24}),
    ],
)
def test_the_first_ratio_is_exactly_one(cls, options, model):
    algorithm = made(cls, model, **options)
    assert collected(algorithm) > 0, "the rollout should have had other numbers"
    evaluate, differences = algorithm.policy.evaluate_actions, []
    buffer = algorithm.rollout_buffer
    first = buffer.drawn[0]

    def noting(sequences, actions):
        values, log_probs, entropies = evaluate(sequences, actions)
        differences.append((log_probs.detach(), values.detach().flatten()))
        return values, log_probs, entropies

    algorithm.policy.evaluate_actions = noting
    algorithm.policy.optimizer.step = lambda: None
    algorithm.train()
    parts = algorithm.passes([first], buffer.experience)
    for rows, (log_probs, values) in zip(parts, differences, strict=False):
        own = buffer.experience.own[rows]
        np.testing.assert_array_equal(log_probs.numpy(), buffer.experience.log_probs[rows][own])
        np.testing.assert_array_equal(values.numpy(), buffer.experience.values[rows][own])
    assert buffer.drawn is None
    if cls is not A2C:
        assert algorithm.logger.name_to_value["train/clip_fraction"] < 0.05


def test_without_rescoring_the_first_ratio_would_not_be_one(monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr("agents.learning.preparation.rescore", lambda *_: 0.0)
    algorithm = made(GRPO)
    collected(algorithm)
    algorithm.policy.optimizer.step = lambda: None
    algorithm.train()
    assert algorithm.logger.name_to_value["train/approx_kl"] > 0


def test_the_gap_is_the_mean_distance_of_log_probabilities(monkeypatch):
    before = []
    rescore = rescoring.rescore

    def noting(policy, experience, passes):
        before.append(experience.log_probs.copy())
        return rescore(policy, experience, passes)

    monkeypatch.setattr("agents.learning.preparation.rescore", noting)
    algorithm = made(GRPO)
    gap, experience = collected(algorithm), algorithm.rollout_buffer.experience
    expected = np.abs(experience.log_probs - before[0])[experience.own].mean()
    assert gap == pytest.approx(expected, rel=1e-5)
    assert 0 < gap < 0.05


def test_weights_and_optimizer_stay_float32_and_learning_raises_the_reward(tmp_path):
    algorithm = made(GRPO, responses_per_prompt=8, kl_coef=0.001, learning_rate=4e-3)
    collected(algorithm)
    before = np.mean([episode["r"] for episode in algorithm.ep_info_buffer])
    algorithm.learn(8_000)
    assert np.mean([episode["r"] for episode in algorithm.ep_info_buffer]) > before + 0.1
    moments = [value for state in algorithm.policy.optimizer.state.values() for value in state.values()]
    for tensor in (*algorithm.policy.parameters(), *moments):
        assert tensor.dtype == torch.float32
    algorithm.save(tmp_path / "half")
    algorithm.learn(200, reset_num_timesteps=False)
    again = GRPO.load(tmp_path / "half", env=make_vec_env(ENV, num_envs=8, min_new_tokens=2))
    assert again.policy.network.engine.precision == "bfloat16"
    again.learn(200, reset_num_timesteps=False)
    weights = [torch.cat([p.detach().flatten() for p in a.policy.parameters()]) for a in (algorithm, again)]
    assert torch.equal(*weights)


def test_a_weight_is_cast_once_for_all_steps_and_anew_after_an_update():
    algorithm = made(PPO, batch_size=32)
    collected(algorithm)
    before = algorithm.rollout_buffer.experience.log_probs.copy()
    with torch.no_grad():
        for weight in algorithm.policy.parameters():
            weight.mul_(1.5)
    algorithm.set_random_seed(3)
    collected(algorithm)
    assert not np.allclose(before, algorithm.rollout_buffer.experience.log_probs, atol=0.01)
    assert collected(algorithm) < 0.05


def test_what_bfloat16_cannot_hold_is_refused(monkeypatch):
    states = HalfPrecision.states
    monkeypatch.setattr(HalfPrecision, "states", lambda self, *texts: states(self, *texts) * torch.inf)
    with pytest.raises(ModelError, match=r"not finite with engine.precision='bfloat16': leave it out"):
        network_of("gpt2", engine=HALF)
    assert make_network(MODELS["gpt2"], SPACE) is not None
