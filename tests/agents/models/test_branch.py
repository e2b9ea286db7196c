"""A frozen copy of the upper layers beside a model computes what a copy of the whole model computes."""

import copy

import pytest
import torch

from agents.models.branch import Branch, freeze_trunk
from agents.models.pretrained import make_network
from tests.agents.tiny import MODELS
from textgym import TokenSpace
from textgym.errors import ModelError

V = 17
PROMPTS = torch.tensor([[-1, -1, 5, 6], [7, 8, 9, 10], [-1, 4, 3, 11]])
RESPONSES = torch.tensor([[3, 4, 12, 5], [6, 2, 8, 9], [10, 11, 3, 7]])


def learned(name):
    """Return a network whose upper layer has learned, the branch made before, and a copy from before."""
    torch.manual_seed(0)
    network = make_network(MODELS[name], TokenSpace(V, 4, 5, eos_id=1))
    with torch.no_grad():
        for weight in network.model.parameters():
            if weight.dim() > 1 and weight.requires_grad:
                weight.mul_(4)
    freeze_trunk(network.model, 1)
    before = copy.deepcopy(network)
    branch = Branch(network.model, 1)
    with torch.no_grad():
        for weight in network.model.parameters():
            if weight.requires_grad:
                weight.mul_(1.5)
    return network, branch, before


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_one_pass_gives_both(name):
    network, branch, before = learned(name)
    plain = network.states(PROMPTS, RESPONSES)
    with branch.beside():
        own, reference = network.states(PROMPTS, RESPONSES).chunk(2, dim=-1)
    torch.testing.assert_close(own, plain, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(reference, before.states(PROMPTS, RESPONSES), atol=1e-5, rtol=1e-5)
    assert (own - reference).abs().max() > 1e-2  # the policy has learned
    assert network.states(PROMPTS, RESPONSES).shape == plain.shape


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_cached_decoding_gives_both(name):
    network, branch, before = learned(name)
    expected = torch.cat([network.states(PROMPTS, RESPONSES), before.states(PROMPTS, RESPONSES)], dim=-1)
    with branch.beside():
        decoding, hidden = network.start(PROMPTS)
        decoding.reserve(4)
        steps = [hidden]
        rows = torch.arange(3)
        for k in range(4):
            if k == 2:
                rows = torch.tensor([2, 0])
                decoding.select(rows)
            hidden = network.advance(decoding, RESPONSES[rows, k])
            torch.testing.assert_close(hidden, expected[rows, k + 1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(steps[0], expected[:, 0], atol=2e-5, rtol=1e-4)


GPT_NEO = {
    "model_type": "gpt_neo",
    "hidden_size": 32,
    "num_layers": 2,
    "num_heads": 4,
    "attention_types": [[["global"], 2]],
}


def test_layers_whose_copies_would_write_over_their_keys_are_refused():
    network = make_network(GPT_NEO, TokenSpace(V, 4, 5, eos_id=1))  # calls a layer's number layer_id
    with pytest.raises(ModelError, match="GPTNeoForCausalLM cannot run twice in one pass: leave unfrozen_layers out"):
        Branch(network.model, 1)


def test_a_model_needs_no_more_positions_than_its_texts_have():
    Branch(make_network(MODELS["gpt2"] | {"n_positions": 2}, TokenSpace(V, 1, 1, eos_id=1)).model, 1)


def test_all_layers_are_no_trunk():
    network = make_network(MODELS["gpt2"], TokenSpace(V, 4, 5, eos_id=1))
    with pytest.raises(ModelError, match=r"unfrozen_layers must be less than the 2 layers of the model, got 2"):
        freeze_trunk(network.model, 2)
