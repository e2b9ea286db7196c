"""Responses that share the reading of their prompt have the log-probabilities and gradients of those that do not."""

import pytest
import torch

from agents.models.engine import Engine, make_engine
from agents.models.pretrained import make_network
from agents.models.read_prompts import ReadPrompts
from tests.agents.models.test_refill import OPT
from tests.agents.tiny import MODELS
from textgym import TokenSpace

V, P, T, EOS = 23, 9, 11, 1
ALL = [*MODELS, "opt"]
SPACE = TokenSpace(V, P, T, EOS, banned_tokens=[4])


def made(model, engine=None):
    torch.manual_seed(0)
    options = {"temperature": 1.2, "engine": make_engine(engine)}
    network = make_network(OPT if model == "opt" else MODELS[model], SPACE, **options)
    with torch.no_grad():  # random networks say nearly the same whatever they read
        for weight in network.model.parameters():
            if weight.dim() > 1 and weight.requires_grad:
                weight.mul_(0.5 if model == "t5" else 3.0)
        torch.nn.init.normal_(network.value_head.weight)
    return network.eval()


def texts(prompts=20, group=3, gaps=False):
    """Return observations and own tokens of responses to prompts of many lengths, in random order."""
    torch.manual_seed(1)
    ids = torch.randint(5, V, (prompts, P))
    lengths = torch.randint(1, P + 1, (prompts, 1))
    ids = torch.where(torch.arange(P) >= P - lengths, ids, -1).repeat_interleave(group, dim=0)
    ids = ids[torch.randperm(len(ids))]
    written = torch.arange(T) < torch.randint(1, T + 1, (len(ids), 1))
    responses = torch.where(written, torch.randint(5, V, (len(ids), T)), -1)
    own = written & (torch.rand(written.shape) < 0.5) if gaps else written
    own[:, 0] = True
    return torch.cat([ids, responses], dim=1), own


def evaluated(network, observations, own, share):
    """Return log-probabilities and values, and the gradients of a sum in which each counts differently."""
    network.shareable = share
    found = network.evaluate_sequences(observations, own, observations[:, P:][own])
    network.zero_grad()
    weights = torch.linspace(-1, 1, len(found.log_probs), dtype=found.log_probs.dtype)
    (found.log_probs @ weights + found.values @ weights.flip(0)).backward()
    gradient = torch.cat([w.grad.flatten() for w in network.parameters() if w.grad is not None])
    return found.log_probs.detach(), found.values.detach(), gradient


def distance(left, right):
    return ((left - right).norm() / right.norm()).item()


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("gaps", [False, True])  # as in dialogues, where a user speaks between
def test_log_probabilities_and_gradients_do_not_depend_on_sharing(model, gaps):
    network = made(model)
    assert network.shareable
    plain, shared = (evaluated(network, *texts(gaps=gaps), share=share) for share in (False, True))
    torch.testing.assert_close(shared[0], plain[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shared[1], plain[1], atol=1e-4, rtol=1e-5)
    assert not torch.equal(shared[2], plain[2]), "nothing was shared"
    assert distance(shared[2], plain[2]) < 3e-6  # of rounding in float32: see below


@pytest.mark.parametrize("model", ALL)
def test_the_gradient_in_double_precision(model):
    network = made(model).double()
    observations, own = texts()
    gradients = []
    for share in (False, True):
        network.shareable = share
        hidden, _ = network.own_states(observations[:, :P], observations[:, P:], own)
        network.zero_grad()
        (hidden * torch.linspace(-1, 1, hidden.numel()).view_as(hidden)).sum().backward()
        gradients.append(torch.cat([w.grad.flatten() for w in network.parameters() if w.grad is not None]))
    assert distance(*gradients) < 1e-6


def detached(chosen):
    for layer in chosen.layers:
        layer.keys, layer.values = layer.keys.detach(), layer.values.detach()
    return chosen


def neighbours(chosen):
    chosen.batch_select_indices(torch.arange(len(chosen.layers[0].keys)).roll(1))
    return chosen


@pytest.mark.parametrize("model", [name for name in ALL if name not in ("t5", "bart", "marian", "mbart")])
@pytest.mark.parametrize("fault", [detached, neighbours])
def test_a_cache_without_gradients_or_of_other_rows_is_noticed_and_not_used(model, fault, monkeypatch):
    """Negative controls of the comparison above, and of the check when a policy is made."""
    cache_of = ReadPrompts.cache_of
    expected = evaluated(made(model), *texts(), share=False)
    monkeypatch.setattr(ReadPrompts, "cache_of", lambda self, rows: fault(cache_of(self, rows)))
    network = made(model)
    assert not network.shareable
    assert distance(evaluated(network, *texts(), share=False)[2], expected[2]) < 3e-6
    assert distance(evaluated(network, *texts(), share=True)[2], expected[2]) > 1e-2


def columns(network, observations, own):
    """Return how many columns pass through the model."""
    count = []

    def hook(_, __, given):
        count.append(given["input_ids"].numel())

    handle = network.model.base_model.register_forward_pre_hook(hook, with_kwargs=True)
    with torch.no_grad():
        network.evaluate_sequences(observations, own, observations[:, P:][own])
    handle.remove()
    return sum(count)


def test_each_prompt_is_read_once_where_that_spares_columns():
    network = made("gpt2")
    full = torch.randint(5, V, (16, P + T))
    own = torch.ones(16, T, dtype=torch.bool)
    assert columns(network, full, own) == 16 * (P + T - 1)
    full[:, :P] = full[:1, :P].expand(16, -1)
    assert columns(network, full, own) == P + 16 * (T - 1)
    full[:, : P - 1] = -1  # of 16 x (1 + 11) columns, 15 could be spared, which is worth it; of 2 rows, one is not
    assert columns(network, full[:2], own[:2]) == 2 * (1 + T - 1)
    network.engine = Engine(checkpoint_activations=True)
    assert columns(network, full, own) == 16 * (1 + T - 1)
