"""The head in chunks computes what the plain one does, gradients included, and never holds all logits."""

import pytest
import torch

from agents.models import chunked_head
from agents.models.chunked_head import chunk_rows, chunked_chosen_and_entropy
from agents.models.distribution import chosen_and_entropy
from agents.models.pretrained import make_network
from tests.agents.tiny import MODELS
from textgym import TokenSpace

N, D, V = 11, 5, 7


def inputs(dtype=torch.float64, bias=True):
    torch.manual_seed(0)
    head = torch.nn.Linear(D, V, bias=bias, dtype=dtype)
    hidden = torch.randn(N, D, dtype=dtype, requires_grad=True)
    return head, hidden, torch.arange(N), torch.randint(0, V - 1, (N,))


def masked(head):
    """Return a head whose last token is never allowed and whose logits are capped."""

    def logits(hidden, lengths, actions=None):
        capped = torch.tanh(head(hidden) / 3) * 3 / 0.7
        return torch.cat([capped[:, :-1], torch.full_like(capped[:, -1:], -torch.inf)], dim=1)

    return logits


@pytest.mark.parametrize("rows", [1, 3, 11, 50])
def test_gradients_agree_with_finite_differences(rows):
    head, hidden, lengths, actions = inputs()

    def function(hidden, *parameters):
        def logits(states, lengths, actions):
            return masked(lambda h: torch.nn.functional.linear(h, *parameters))(states, lengths)

        return chunked_chosen_and_entropy(logits, parameters, hidden, lengths, actions, rows)

    assert torch.autograd.gradcheck(function, (hidden, *head.parameters()))


@pytest.mark.parametrize("rows", [1, 4, 11])
@pytest.mark.parametrize("bias", [True, False])
def test_chunks_compute_what_all_at_once_does(rows, bias):
    head, hidden, lengths, actions = inputs(torch.float32, bias)
    weights = torch.randn(2, N)
    results = []
    for chunked in (False, True):
        if chunked:
            found = chunked_chosen_and_entropy(masked(head), list(head.parameters()), hidden, lengths, actions, rows)
        else:
            found = chosen_and_entropy(masked(head)(hidden, lengths), actions)
        gradients = torch.autograd.grad((torch.stack(found) * weights).sum(), [hidden, *head.parameters()])
        results.append([*found, *gradients])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_frozen_weights_get_no_gradient():
    head, hidden, lengths, actions = inputs()
    head.requires_grad_(False)
    chosen, _ = chunked_chosen_and_entropy(head_of(head), list(head.parameters()), hidden, lengths, actions, 4)
    chosen.sum().backward()
    assert head.weight.grad is None
    expected, _ = chosen_and_entropy(head(hidden.detach().requires_grad_()), actions)
    torch.testing.assert_close(chosen, expected)


def head_of(linear):
    return lambda hidden, lengths, actions: linear(hidden)


@pytest.mark.parametrize("model", ["gpt2", "gemma", "t5", "bart"])
def test_a_network_evaluates_alike_with_a_small_limit(model, monkeypatch):
    space = TokenSpace(40, 6, 8, eos_id=3, min_new_tokens=2, banned_tokens=[5])
    torch.manual_seed(1)
    network = make_network(MODELS[model], space, temperature=1.3)
    hidden = torch.randn(30, network.value_head.in_features)
    lengths, actions = torch.arange(30) % 8, torch.randint(6, 40, (30,))
    results = []
    for limit in (2**25, 40 * 7):
        monkeypatch.setattr(chunked_head, "LOGITS", limit)
        network.zero_grad()
        states = hidden.clone().requires_grad_()
        found = network.evaluate(states, lengths, actions)
        (found.log_probs.sum() + 0.3 * found.entropies.sum()).backward()
        head = network.model.get_output_embeddings().weight
        results.append([found.log_probs, found.entropies, states.grad, head.grad.clone()])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_chunks_are_as_large_as_the_limit_allows():
    assert chunk_rows(4096, 4096) is None
    assert chunk_rows(2**25 // 4096, 4096) is None
    assert chunk_rows(4096, 50_000) == 671
    assert chunk_rows(10, 2**26) == 1


def test_no_array_of_all_logits_is_ever_made():
    head, hidden, lengths, actions = inputs()
    seen = []

    def watched(states, lengths, actions):
        seen.append(len(states))
        return head(states)

    chosen, entropies = chunked_chosen_and_entropy(watched, list(head.parameters()), hidden, lengths, actions, 4)
    (chosen.sum() + entropies.sum()).backward()
    assert seen == [4, 4, 3] * 2
