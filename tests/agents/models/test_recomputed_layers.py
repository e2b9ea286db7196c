"""Activation checkpointing changes what is kept, and no number."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from agents.learning.reference import ReferencePolicy
from agents.models.engine import Engine
from agents.models.lora import Lora
from agents.models.network import TextNetwork
from agents.models.pretrained import make_network
from agents.models.recomputed_layers import recomputable_layers, recomputed
from agents.models.rollout import generate
from tests.agents.tiny import MODELS
from textgym import TokenSpace
from textgym.errors import ModelError

P, T, V, ROWS = 7, 6, 20, 5
SPACE = TokenSpace(V, P, T, eos_id=3)
OPT = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "ffn_dim": 64, "word_embed_proj_dim": 32}
ALL = MODELS | {"opt": {"model_type": "opt", "max_position_embeddings": 64, **OPT}}


class Learned(NamedTuple):
    """What a learning pass gave."""

    log_probs: Tensor
    gradients: dict[str, Tensor]
    saved: int


def networks(name: str, **options: Any) -> tuple[TextNetwork, TextNetwork]:
    """Return equal networks without and with checkpointing."""
    pair = []
    for engine in (Engine(), Engine(checkpoint_activations=True)):
        torch.manual_seed(0)
        pair.append(make_network(ALL[name], SPACE, engine=engine, **options))
        for weight in pair[-1].value_head.parameters():
            nn.init.normal_(weight)
    return pair[0], pair[1]


def learn(network: TextNetwork) -> Learned:
    """Compute gradients of everything that a loss may ask for, and count the bytes that are kept for it."""
    generator = torch.Generator().manual_seed(1)
    observations = torch.randint(V, (ROWS, P + T), generator=generator)
    observations[0, :3], observations[1, P + 4 :] = -1, -1
    own = observations[:, P:] >= 0
    storages: dict[int, int] = {}
    parameters = {weight.untyped_storage().data_ptr() for weight in network.parameters()}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    network.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = network.evaluate_sequences(observations, own, observations[:, P:][own])
    weights = torch.linspace(-1, 1, len(found.log_probs))
    ((found.log_probs + found.entropies + found.values) * weights).sum().backward()
    gradients = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    return Learned(found.log_probs.detach(), gradients, sum(storages.values()))


def assert_same(plain: Learned, checkpointed: Learned) -> None:
    torch.testing.assert_close(checkpointed.log_probs, plain.log_probs, atol=1e-6, rtol=0)
    assert checkpointed.gradients.keys() == plain.gradients.keys()
    for name, gradient in plain.gradients.items():
        torch.testing.assert_close(checkpointed.gradients[name], gradient, atol=1e-6, rtol=0, msg=name)


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_those_of_a_pass_that_keeps_everything(name: str) -> None:
    plain, checkpointed = map(learn, networks(name))
    assert_same(plain, checkpointed)
    assert any(gradient.abs().max() > 1e-3 for gradient in plain.gradients.values())
    assert checkpointed.saved < plain.saved / 4


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_adapters_learn_the_same(name: str) -> None:
    pytest.importorskip("peft")
    plain, checkpointed = map(learn, networks(name, lora=Lora(rank=2)))
    assert_same(plain, checkpointed)
    assert checkpointed.saved < plain.saved / 2


@pytest.mark.parametrize("name", ALL)
def test_the_ratio_starts_at_one_and_writing_is_as_ever(name: str) -> None:
    plain, network = networks(name)
    prompts = torch.randint(V, (ROWS, P), generator=torch.Generator().manual_seed(2))
    written = []
    for one in (plain, network):
        torch.manual_seed(3)
        written.append(generate(one, prompts))
    assert torch.equal(written[0].responses, written[1].responses)
    assert torch.equal(written[0].log_probs, written[1].log_probs)
    own = written[1].responses >= 0
    found = network.evaluate_sequences(torch.cat([prompts, written[1].responses], 1), own, written[1].responses[own])
    torch.testing.assert_close(found.log_probs.detach(), written[1].log_probs[own], atol=1e-5, rtol=1e-5)


def test_dropout_of_the_training_mode_is_drawn_alike_twice() -> None:
    plain, checkpointed = networks("bart")
    learned = []
    for network in (plain, checkpointed):
        network.model.train()
        torch.manual_seed(4)
        learned.append(learn(network))
    assert_same(*learned)
    assert not torch.allclose(learned[0].log_probs, learn(plain.eval()).log_probs, atol=1e-3)


def fail(*_: Any) -> None:
    raise ValueError("on the way")


def test_layers_are_as_before_afterwards_also_where_a_pass_fails() -> None:
    _, network = networks("gpt2")
    layers = recomputable_layers(network.model)
    layers[1].register_forward_pre_hook(fail)
    with pytest.raises(ValueError, match="on the way"):
        learn(network)
    assert not any("forward" in vars(layer) for layer in layers)
    layers[0].forward = own = layers[0].forward  # as another library wraps it
    with recomputed(layers):
        pass
    assert layers[0].forward is own


def test_a_pass_without_gradients_wraps_nothing() -> None:
    _, network = networks("gpt2")
    wrapped = []
    layer = recomputable_layers(network.model)[0]
    layer.register_forward_pre_hook(lambda module, _: wrapped.append("forward" in vars(module)))
    with torch.no_grad():
        network.states(torch.zeros(1, P).long(), torch.zeros(1, 2).long())
    network.states(torch.zeros(1, P).long(), torch.zeros(1, 2).long())
    assert wrapped == [False, True]
    assert ReferencePolicy(network).network.engine.checkpoint_activations


def test_an_architecture_that_names_no_layers_is_refused() -> None:
    _, network = networks("gpt2")
    network.model.transformer.h = nn.ModuleList()
    with pytest.raises(ModelError, match="GPT2LMHeadModel does not say which of its layers may be computed again"):
        TextNetwork(network.model, SPACE, engine=network.engine)
