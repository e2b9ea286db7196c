"""Unlikely tokens are left out as transformers does; tests/agents/test_one_distribution.py tests the rest."""

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
from agents.models.truncation import Truncation, make_truncation
from tests.agents.tiny import MODELS
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
