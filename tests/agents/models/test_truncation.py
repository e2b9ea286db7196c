"""Unlikely tokens are left out as transformers does, and what is sampled is what is scored."""

import pytest
import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from agents import PPO, TransformerPolicy, make_vec_env
from agents.models.pretrained import make_network
from agents.models.rollout import generate
from agents.models.truncation import Truncation, make_truncation
from tests.agents.tiny import MODELS, sharpen
from textgym import TokenSpace
from textgym.errors import ConfigError

V = 17
SETTINGS = [
    {"top_k": 5},
    {"top_p": 0.7},
    {"min_p": 0.2},
    {"top_k": 9, "top_p": 0.8},
    {"top_k": 12, "top_p": 0.9, "min_p": 0.1},
]
OTHERS = [{"temperature": 0.7}, {"min_new_tokens": 1, "banned_tokens": [3, 4]}]


def network(truncation=None, temperature=1.0, **space):
    torch.manual_seed(3)
    made = make_network(
        MODELS["gpt2"], TokenSpace(V, 4, 3, eos_id=1, **space), temperature, truncation=make_truncation(truncation)
    )
    with torch.no_grad():
        made.model.get_output_embeddings().weight.mul_(40)
    return made


@pytest.mark.parametrize("options", SETTINGS)
def test_the_tokens_that_stay_are_those_of_transformers(options):
    torch.manual_seed(0)
    logits = torch.randn(200, V) * 2
    warpers = LogitsProcessorList()
    if "top_k" in options:
        warpers.append(TopKLogitsWarper(options["top_k"]))
    if "top_p" in options:
        warpers.append(TopPLogitsWarper(options["top_p"]))
    if "min_p" in options:
        warpers.append(MinPLogitsWarper(options["min_p"]))
    expected = warpers(torch.zeros(200, 1, dtype=torch.long), logits)
    assert torch.equal(Truncation(**options)(logits), expected)
    assert expected.isneginf().any()


@pytest.mark.parametrize("options", [{"truncation": truncation} for truncation in SETTINGS] + OTHERS)
def test_samples_have_the_probabilities_that_are_scored(options):
    """A chi-square test of first tokens against exp(log-probability)."""
    one = network(**options)
    prompts = torch.tensor([[5, 6, 7, 8]])
    torch.manual_seed(1)
    n = 20_000
    rollout = generate(one, prompts, responses_per_prompt=n)
    with torch.no_grad():
        _, hidden = one.start(prompts)
        expected = one.log_distribution(hidden, torch.zeros(1, dtype=torch.long))[0].exp().double() * n
    counts = torch.bincount(rollout.responses[:, 0], minlength=V).double()
    assert (counts[expected == 0] == 0).all()
    possible = expected > 0
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert statistic < possible.sum() + 5 * (2 * possible.sum()).sqrt()
    first = rollout.responses[:, 0]
    torch.testing.assert_close(rollout.log_probs[:, 0].exp().double() * n, expected[first], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("truncation", SETTINGS)
def test_the_ratio_before_the_first_update_is_one(truncation):
    envs = make_vec_env("test/Letters-v0", num_envs=8)
    kwargs = {"model": MODELS["gpt2"], "truncation": truncation}
    model = PPO(TransformerPolicy, envs, policy_kwargs=kwargs, batch_size=16, n_epochs=1, learning_rate=0.0, seed=0)
    sharpen(model.policy)
    model.learn(1)
    assert model.logger.name_to_value["train/approx_kl"] == pytest.approx(0, abs=1e-7)
    assert model.logger.name_to_value["train/clip_fraction"] == 0


def test_what_was_said_keeps_a_log_probability_when_it_becomes_unlikely():
    one = network({"top_k": 2})
    with torch.no_grad():
        _, hidden = one.start(torch.tensor([[5, 6, 7, 8]]))
        zero = torch.zeros(1, dtype=torch.long)
        unlikely = one.logits(hidden).argmin(dim=-1)
        assert one.log_distribution(hidden, zero)[0, unlikely].isneginf().all()
        assert one.evaluate(hidden, zero, unlikely).log_probs.isfinite().all()


@pytest.mark.parametrize("truncation", [{"top_p": 0.8}, Truncation(top_p=0.8)])
def test_a_checkpoint_knows_the_truncation(truncation, tmp_path):
    envs = make_vec_env("test/Letters-v0", num_envs=4)
    kwargs = {"model": MODELS["gpt2"], "truncation": truncation}
    model = PPO(TransformerPolicy, envs, policy_kwargs=kwargs, batch_size=8, seed=0)
    model.save(tmp_path / "model")
    assert TransformerPolicy.load(tmp_path / "model").network.truncation == Truncation(top_p=0.8)
    assert PPO.load(tmp_path / "model").policy.network.truncation == Truncation(top_p=0.8)
    assert PPO.load(tmp_path / "model", env=envs).policy.network.truncation == Truncation(top_p=0.8)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"top_k": -1}, "top_k counts tokens"),
        ({"top_p": 0.0}, r"top_p is a probability in \(0, 1\]"),
        ({"min_p": 2}, "min_p is a share"),
        ({"topp": 0.9}, "Did you mean 'top_p'"),
        ("top_p", "must be a dict"),
    ],
)
def test_truncations_that_cannot_be(spec, message):
    with pytest.raises(ConfigError, match=message):
        make_truncation(spec)
